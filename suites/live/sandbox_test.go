package live_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/live"
)

// write writes a file and returns its name.
func write(tb testing.TB, name, text string) string {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}

// load loads a sandbox file that must be right.
func load(tb testing.TB, text string) *live.Sandbox {
	tb.Helper()
	sandbox, err := live.LoadSandbox(write(tb, "sandbox.yaml", text))
	if err != nil {
		tb.Fatal(err)
	}
	return sandbox
}

// problems are those of a sandbox file, each as "line: text".
func problems(tb testing.TB, text string) string {
	tb.Helper()
	file := write(tb, "sandbox.yaml", text)
	_, err := live.LoadSandbox(file)
	if err == nil {
		return ""
	}
	if _, ok := errors.AsType[fixtures.Problems](err); !ok {
		tb.Fatalf("the error is %T, and not the problems of the file: %v", err, err)
	}
	return strings.ReplaceAll(err.Error(), file+":", "")
}

const (
	guidA = "6f1d1d5e-0c5b-4a6c-9f0f-0d6b8a2f3c11"
	guidB = "0b9f6a52-6c6a-4c40-8f3e-51d8f5b7ad22"
)

func TestASandboxSaysWhatItsFileSays(t *testing.T) {
	sandbox := load(t,
		"graph: {tenant: "+guidA+", app: {clientID: "+guidB+"}}\nclassroom: {endpoint: 'https://127.0.0.1:1/'}\n")
	for key, want := range map[string]string{"graph.tenant": guidA, "graph.app.clientID": guidB} {
		if got, ok := sandbox.Value(key); !ok || got != want {
			t.Errorf("%s is %q, %v; want %q", key, got, ok, want)
		}
	}
	for _, absent := range []string{"graph.provider", "graph", "graph.app", "ca", "no.such.key"} {
		if got, ok := sandbox.Value(absent); ok {
			t.Errorf("%s is %q and does not stand in the file", absent, got)
		}
	}
	if got := sandbox.Endpoint("classroom"); got != "https://127.0.0.1:1" {
		t.Errorf("the endpoint of Classroom is %q", got)
	}
	if got := sandbox.Endpoint("graph"); got != "https://graph.microsoft.com/v1.0" {
		t.Errorf("the endpoint of Graph is %q", got)
	}
}

func TestProblemsOfASandboxFile(t *testing.T) {
	const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
	for name, check := range map[string]struct{ text, want string }{
		"an empty file":         {"", "1: the file is empty: fill it, or name another"},
		"no YAML":               {"graph: [", "not YAML"},
		"two documents":         {"graph: {tenant: " + guidA + "}\n---\nca: x\n", "more than one YAML document"},
		"a list":                {"- graph\n", "1: the file must have keys of its own"},
		"an unknown key":        {"graph:\n  tennant: " + guidA, "2: unknown key graph.tennant: correct it or take it out"},
		"an unknown section":    {"entra: {}", "1: unknown key entra"},
		"a key twice":           {"graph:\n  tenant: " + guidA + "\n  tenant: " + guidB, "3: key graph.tenant stands twice"},
		"an empty value":        {"graph:\n  tenant:\n  learner: " + guidA, "2: graph.tenant is empty"},
		"an empty section":      {"ca: x\ngraph:\n", "2: graph is empty"},
		"a section for a value": {"graph: {tenant: {id: 1}}", "1: graph.tenant must be one plain value"},
		"a value for a section": {"graph: {app: " + guidA + "}", "1: graph.app must have keys of its own"},
		"no GUID":               {"graph:\n  tenant: contoso.example", "2: graph.tenant is not a GUID"},
		"half a GUID":           {"graph: {learner: " + guidA[:30] + "}", "1: graph.learner is not a GUID"},
		"a placeholder": {"graph: {provider: <registrationId>}",
			"1: graph.provider still holds the example's placeholder"},
		"no domain":  {"classroom: {domain: school}", "1: classroom.domain is not a domain"},
		"no address": {"classroom: {domain: a.example, admin: admin}", "1: classroom.admin is not a mail address"},
		"a name with an address": {"classroom: {domain: a.example, admin: 'A <a@a.example>'}",
			"1: classroom.admin is not a mail address"},
		"another domain": {"classroom:\n  domain: a.example\n  admin: admin@b.example",
			"3: classroom.admin is not of classroom.domain"},
		"a domain below": {"classroom: {domain: a.example, student: s@x.a.example}",
			"1: classroom.student is not of classroom.domain"},
		"users without a domain": {"classroom: {teacher: t@a.example}",
			"1: classroom.teacher cannot be checked without classroom.domain"},
		"an outsider of the domain": {"classroom: {domain: a.example, outsider: O@A.example}",
			"1: classroom.outsider must not be of classroom.domain"},
		"one provider twice": {"graph:\n  provider: " + guidA + "\n  otherProvider: " + strings.ToUpper(guidA),
			"3: graph.otherProvider must not be the same as graph.provider"},
		"one content twice": {"graph: {content: " + guidA + ", otherContent: " + guidA + "}",
			"graph.otherContent must not be the same"},
		"one learner twice": {"graph: {learner: " + guidA + ", unlicensedLearner: " + guidA + "}",
			"graph.unlicensedLearner must not be the same"},
		"one app twice": {"graph: {app: {clientID: " + guidA + "}, roleless: {clientID: " + guidA + "}}",
			"graph.roleless.clientID must not be the same"},
		"one teacher twice": {"classroom: {domain: a.example, teacher: t@a.example, otherTeacher: T@a.example}",
			"classroom.otherTeacher must not be the same as classroom.teacher"},
		"a teacher who is a student": {"classroom: {domain: a.example, teacher: t@a.example, student: t@a.example}",
			"classroom.student must not be the same as classroom.teacher"},
		"an alias":              {"classroom: {orphanedCourse: 'd:math'}", "1: classroom.orphanedCourse is not an id"},
		"no URL":                {"graph: {endpoint: graph.microsoft.com}", "1: graph.endpoint is not an absolute URL"},
		"plain http":            {"graph: {authority: 'http://login.example'}", "1: graph.authority must be https"},
		"plain http by a trick": {"graph: {authority: 'http://127.0.0.1.login.example'}", "1: graph.authority must be https"},
		"another scheme":        {"graph: {authority: 'ftp://127.0.0.1'}", "1: graph.authority must be https"},
		"a password in a URL": {"classroom: {tokenEndpoint: 'https://u:p@a.example'}",
			"1: classroom.tokenEndpoint must be scheme, host"},
		"Graph at Google": {"graph: {endpoint: 'https://classroom.googleapis.com/v1.0'}",
			"1: graph.endpoint must be graph.microsoft.com, or a loopback address"},
		"Entra at Google": {"graph: {authority: 'https://oauth2.googleapis.com'}",
			"1: graph.authority must be login.microsoftonline.com, or a loopback address"},
		"Classroom at Graph": {"classroom: {endpoint: 'https://graph.microsoft.com'}",
			"1: classroom.endpoint must be classroom.googleapis.com, or a loopback address"},
		"Google at Entra": {"classroom: {tokenEndpoint: 'https://login.microsoftonline.com/token'}",
			"1: classroom.tokenEndpoint must be oauth2.googleapis.com, or a loopback address"},
		"Graph as an issuer": {"graph: {authority: 'https://graph.microsoft.com'}",
			"1: graph.authority must be login.microsoftonline.com, or a loopback address"},
		"a beta": {"graph: {endpoint: 'https://graph.microsoft.com/beta'}",
			"1: graph.endpoint must have the path of what is documented, and of no other version: write it as in https://graph.microsoft.com/v1.0"},
		"a beta of a stand-in":      {"graph: {endpoint: 'https://127.0.0.1:1/beta'}", "1: graph.endpoint must have the path of what is documented"},
		"no version":                {"graph: {endpoint: 'https://graph.microsoft.com'}", "1: graph.endpoint must have the path"},
		"a version too many":        {"classroom: {endpoint: 'https://classroom.googleapis.com/v1'}", "1: classroom.endpoint must have the path"},
		"a path that climbs":        {"graph: {endpoint: 'https://graph.microsoft.com/beta/../v1.0'}", "1: graph.endpoint must have the path"},
		"an encoded path":           {"graph: {endpoint: 'https://graph.microsoft.com/v1%2E0'}", "1: graph.endpoint must have the path"},
		"the US Government's Graph": {"graph: {endpoint: 'https://graph.microsoft.us/v1.0'}", "1: graph.endpoint is of a national cloud: Microsoft lists this API for the global service only (https://learn.microsoft.com/graph/api/"},
		"China's Entra":             {"graph: {authority: 'https://login.chinacloudapi.cn'}", "1: graph.authority is of a national cloud"},
		"nobody's tenant":           {"graph: {tenant: 00000000-0000-0000-0000-000000000000}", "1: graph.tenant is no tenant's id, which no run touches"},
		"the consumers' tenant":     {"graph: {tenant: 9188040D-6c67-4c5b-b112-36a304b66dad}", "1: graph.tenant is the tenant of personal Microsoft accounts"},
		"Microsoft's tenant":        {"graph: {tenant: 72f988bf-86f1-41af-91ab-2d7cd011db47}", "1: graph.tenant is a tenant of Microsoft's own"},
		"a domain of everybody's":   {"classroom: {domain: GMail.com}", "1: classroom.domain is a domain of personal accounts"},
		"one below Google's":        {"classroom: {domain: a.example, secondaryDomains: [b.example, x.google.com]}", "1: classroom.secondaryDomains is a domain of the vendor's own"},
		"a lookalike domain":        {"classroom: {domain: ſchool.example}", "1: classroom.domain is not a domain"},
		"a lookalike address":       {"classroom: {domain: a.example, teacher: ſ@a.example}", "1: classroom.teacher is not a mail address"},
		"a lookalike of a sign":     {"classroom: {domain: Kids.example}", "1: classroom.domain is not a domain"},
		"an outsider of a domain below": {"classroom: {domain: a.example, outsider: o@x.a.example}",
			"1: classroom.outsider is of a domain above or below one of the Workspace"},
		"an outsider of a domain above": {"classroom: {domain: x.a.example, outsider: o@a.example}",
			"1: classroom.outsider is of a domain above or below one of the Workspace"},
		"an outsider of a secondary domain": {"classroom: {domain: a.example, secondaryDomains: [b.example], outsider: o@b.example}",
			"1: classroom.outsider must not be of classroom.domain, nor of secondaryDomains"},
		"an empty list":       {"classroom: {domain: a.example, secondaryDomains: []}", "1: classroom.secondaryDomains is empty"},
		"a list of one value": {"classroom: {domain: [a.example]}", "1: classroom.domain must be one plain value"},
		"no domain in a list": {"classroom: {domain: a.example, secondaryDomains: [b.example, b]}", "1: classroom.secondaryDomains is not a domain"},
		"one course twice":    {"classroom: {orphanedCourse: '1', otherProjectCourse: '1'}", "classroom.otherProjectCourse must not be the same as classroom.orphanedCourse"},
		"one activity twice":  {"graph: {marker: " + guidA + ", mismatchedActivity: " + guidA + "}", "graph.marker must not be the same as graph.mismatchedActivity"},
		"a ca for nothing":    {"ca: ca.pem", "1: ca is for endpoints on loopback addresses alone"},
		"a ca for the real endpoints": {"ca: ca.pem\ngraph: {endpoint: 'https://graph.example'}",
			"1: ca is for endpoints on loopback addresses alone"},
		"no file of a ca": {"ca: ca.pem\ngraph: {endpoint: 'https://127.0.0.1:1/v1.0'}", "1: the file of ca cannot be read"},
		"a secret's name": {"graph:\n  app:\n    clientSecret: x",
			"3: graph.app.clientSecret is not a key of the file: secrets come from the environment"},
		"a password's name": {"password: x", "1: password is not a key of the file: secrets come from the environment"},
		"a key's name": {"classroom: {serviceAccountKey: {a: b}}",
			"serviceAccountKey is not a key of the file: secrets come from"},
		"a token":           {"graph:\n  tenant: " + jwt, "2: looks like a secret, and secrets come from the environment"},
		"a token of Google": {"classroom:\n  admin: ya29.a0AfB_byC", "2: looks like a secret"},
		"a refresh token":   {"classroom: {admin: 1//0gAbCdEfGhIjKlMnOp}", "1: looks like a secret"},
		"a client secret":   {"graph: {tenant: abc8Q~0123456789abcdefghijklmnopqrstuvw}", "1: looks like a secret"},
		"Google's secret":   {"classroom: {domain: GOCSPX-0123456789abcdefghij}", "1: looks like a secret"},
		"a private key":     {"ca: |\n  -----BEGIN PRIVATE KEY-----\n  MIIE\n", "2: looks like a secret"},
		"a secret remark":   {"graph:\n  # " + jwt + "\n  tenant: " + guidA, "2: looks like a secret"},
	} {
		t.Run(name, func(t *testing.T) {
			got := problems(t, check.text)
			if !strings.Contains(got, check.want) {
				t.Errorf("the problems are\n%s\nand should tell\n%s", got, check.want)
			}
		})
	}
}

// TestWhatIsListedIsNeverTouched lists what a sandbox file names, wherever it does.
func TestWhatIsListedIsNeverTouched(t *testing.T) {
	const file = "graph: {tenant: " + guidA + "}\nclassroom:\n  domain: a.example\n  secondaryDomains: [b.example]\n  teacher: t@b.example\n  outsider: o@c.example\n"
	for listed, want := range map[string]string{
		"":                               "",
		"elsewhere.example":              "",
		"example.a":                      "",
		"x.a.example":                    "", // which is another one
		guidB:                            "",
		strings.ToUpper(guidA):           "1: graph.tenant is what LEARNCONTRACT_NEVER lists, which no run touches",
		"A.example":                      "3: classroom.domain is what",
		"z.example, b.example":           "4: classroom.secondaryDomains is what",
		"z.example;c.example":            "6: classroom.outsider is what",
		"t@b.example":                    "5: classroom.teacher is what",
		"example":                        "1: LEARNCONTRACT_NEVER lists \"example\", which is no tenant's id, no domain and no address",
		"*.a.example":                    "1: LEARNCONTRACT_NEVER lists \"*.a.example\"",
		"https://a.example":              "1: LEARNCONTRACT_NEVER lists",
		guidB + "," + guidA[:35]:         "1: LEARNCONTRACT_NEVER lists \"" + guidA[:35] + "\"",
		"b.example\nelsewhere.example\n": "5: classroom.teacher is what",
	} {
		t.Setenv("LEARNCONTRACT_NEVER", listed)
		if got := problems(t, file); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("with %q the problems are\n%s\nand should say\n%s", listed, got, want)
		}
	}
}

// TestUsersMayBeOfSecondaryDomains names a Workspace as schools have it.
func TestUsersMayBeOfSecondaryDomains(t *testing.T) {
	sandbox := load(t, "classroom: {domain: school.example, secondaryDomains: [students.school.example, staff.example], teacher: t@staff.example, "+
		"student: s@Students.school.example, outsider: somebody@gmail.com}")
	if got, _ := sandbox.Value("classroom.secondaryDomains"); got != "students.school.example staff.example" {
		t.Errorf("the domains are %q", got)
	}
}

// TestWhatIsLongLivedCanBeLookedUp compares the keys of a sandbox file with what is known of them.
func TestWhatIsLongLivedCanBeLookedUp(t *testing.T) {
	facts, err := fixtures.LoadTenants()
	if err != nil {
		t.Fatal(err)
	}
	isKey := func(name string) bool {
		return slices.ContainsFunc(live.SandboxKeys(), func(k live.SandboxKey) bool { return k.Name == name })
	}
	for key, look := range facts.Keys {
		provider, _, _ := strings.Cut(key, ".")
		if !isKey(key) || look.As != "" && !slices.Contains(live.Identities(provider), look.As) {
			t.Errorf("%s is no key of a sandbox file, or %q nobody", key, look.As)
		}
		for _, m := range regexp.MustCompile(`\$\{([^}]*)\}`).FindAllStringSubmatch(look.Get+look.Make+strings.Join(slices.Collect(maps.Values(look.Is)), ""), -1) {
			if m[1] != "me" && !isKey(m[1]) {
				t.Errorf("%s refers to %s", key, m[0])
			}
		}
	}
	for _, key := range live.SandboxKeys() {
		provider, name, _ := strings.Cut(key.Name, ".")
		signsIn := slices.Contains(live.Identities(provider), strings.TrimSuffix(name, ".clientID"))
		_, isEndpoint := facts.Endpoints[key.Name]
		_, known := facts.Keys[key.Name]
		if known == (signsIn || isEndpoint || key.Name == "ca" || key.Name == "graph.tenant" || strings.Contains(strings.ToLower(name), "domain") || name == "allow") {
			t.Errorf("%s is looked up: %t", key.Name, known)
		}
	}
}

func TestTheProvidersOwnHostsCanBeNamed(t *testing.T) {
	sandbox := load(t, "graph: {endpoint: 'https://graph.microsoft.com/v1.0/', authority: 'https://login.microsoftonline.com'}\n"+
		"classroom: {endpoint: 'https://classroom.googleapis.com', tokenEndpoint: 'https://oauth2.googleapis.com/token'}")
	if got := sandbox.Endpoint("graph"); got != "https://graph.microsoft.com/v1.0" {
		t.Errorf("the endpoint of Graph is %q", got)
	}
}

func TestProblemsOfASandboxFileAreToldAtOnceAndInOrder(t *testing.T) {
	got := problems(t, "graph:\n  tenant: a\n  provider: b\n  colour: red\nclassroom:\n  domain: c\n")
	var lines []string
	for line := range strings.Lines(got) {
		lines = append(lines, line[:1])
	}
	if !slices.Equal(lines, []string{"2", "3", "4", "6"}) {
		t.Errorf("the problems are of lines %v:\n%s", lines, got)
	}
}

func TestAFileThatCannotBeReadHasOneProblem(t *testing.T) {
	for _, text := range []string{"", "graph: ["} {
		if got := problems(t, text); strings.Count(got, "\n") != 0 {
			t.Errorf("the problems are\n%s", got)
		}
	}
}

// FuzzLoadSandbox holds that whatever is no sandbox file is reported, and no value of it.
func FuzzLoadSandbox(f *testing.F) {
	f.Add("graph: {tenant: " + guidA + ", app: {clientID: " + guidB + "}}\nca: x\n")
	f.Add("a: &a [*a]\n<<: *a\n---\n")
	f.Add("classroom: {domain: a.example, outsider: b@c.example, endpoint: 'https://[::1]:1/'}")
	f.Add("? {graph: x}\n: y")
	file := filepath.Join(f.TempDir(), "sandbox.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sandbox, err := live.LoadSandbox(file)
		problems, ok := errors.AsType[fixtures.Problems](err)
		if ok == (sandbox != nil) || slices.ContainsFunc(problems, func(p fixtures.Problem) bool { return p.Line == 0 }) {
			t.Errorf("%q is %v, and its problems %v", text, sandbox, err)
		}
	})
}

func TestOfALineWithASecretNothingElseIsTold(t *testing.T) {
	if got := problems(t, "ya29.secretsecret: GOCSPX-0123456789abcdefghij"); strings.Count(got, "\n") != 0 ||
		!strings.HasPrefix(got, "1: looks like a secret") {
		t.Errorf("the problems are\n%s", got)
	}
}

func TestProblemsOfASandboxFileHoldNoValue(t *testing.T) {
	const value = "hunter2hunter2"
	for _, key := range live.SandboxKeys() {
		names := strings.Split(key.Name, ".")
		text := value + "<"
		for _, name := range slices.Backward(names) {
			text = "{" + name + ": " + text + "}"
		}
		if got := problems(t, text); got == "" || strings.Contains(got, value) && key.Name != "ca" {
			t.Errorf("of %s is said: %q", key.Name, got)
		}
	}
}

func TestACAThatHoldsAKeyIsRefused(t *testing.T) {
	const remedy = "2: the file of ca holds a private key: name one that holds certificates alone"
	for text, want := range map[string]string{
		"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n": remedy,
		"no certificate": "2: the file of ca holds no certificate that can be read: name one in PEM, as the stand-in writes it",
	} {
		ca := write(t, "ca.pem", text)
		if got := problems(t, "graph: {endpoint: 'https://localhost:1/v1.0'}\nca: "+ca+"\n"); !strings.Contains(got, want) {
			t.Errorf("the problems are\n%s\nand should tell\n%s", got, want)
		}
	}
}

func TestAMissingSandboxFileIsToldWithItsRemedy(t *testing.T) {
	_, err := live.LoadSandbox(filepath.Join(t.TempDir(), "sandbox.yaml"))
	if err == nil || !strings.Contains(err.Error(), "does not exist: copy suites/live/sandbox.example.yaml") {
		t.Errorf("the error is %v", err)
	}
}

func TestTheExampleHasEveryKeyAndLoadsOnceItIsFilled(t *testing.T) {
	example, err := os.ReadFile("sandbox.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(example)
	placeholder := regexp.MustCompile(`(?m)<[^<>\n]+>`)
	if got := problems(t, text); len(strings.Split(got, "\n")) < len(live.SandboxKeys()) {
		t.Errorf("of the unfilled example is said no more than\n%s", got)
	}
	// By what stands before a placeholder, what fills it.
	for key, value := range map[string]string{
		"orphanedCourse: ": "1234567", "domain: ": "school.example", "outsider: ": "somebody@elsewhere.example",
		"admin: ": "admin@school.example", "teacher: ": "t@school.example", "otherTeacher: ": "o@school.example",
		"student: ": "s@school.example", "endpoint: ": "https://127.0.0.1:1/v1.0", "authority: ": "https://127.0.0.1:2",
		"tokenEndpoint: ": "https://127.0.0.1:3/token", "ca: ": "ca.pem",
		"classroomOff: ": "c@school.example", "apiOff: ": "p@school.example", "suspended: ": "u@school.example",
		"otherProject: ": "123-abc.apps.googleusercontent.com",
		"fullCourse: ":   "1234568", "outsiderCourse: ": "1234569", "otherProjectCourse: ": "1234570", "otherProjectWork: ": "1234571",
		"otherProjectMaterial: ": "1234572", "otherProjectAnnouncement: ": "1234573", "otherProjectTopic: ": "1234574",
		"marker: ": "11111111-2222-3333-4444-555555555555", "secondaryDomains: ": "[students.school.example]",
	} {
		text = regexp.MustCompile(`(?m)(\b`+key+`)<[^<>\n]+>`).ReplaceAllString(text, "${1}"+value)
	}
	at := strings.Index(text, "\nclassroom:")
	ofGoogle := strings.NewReplacer("127.0.0.1:1/v1.0", "127.0.0.1:1", "11111111-2222-3333-4444-555555555555", "'1234575'").Replace(text[at:])
	text = text[:at] + ofGoogle
	text = strings.ReplaceAll(text, "<a suspended user@school.example>", "u@school.example")
	n := 0
	text = placeholder.ReplaceAllStringFunc(text, func(string) string {
		n++
		return guidA[:len(guidA)-2] + string(rune('0'+n/10)) + string(rune('0'+n%10))
	})
	file := write(t, "sandbox.yaml", text)
	_, server := startTLS(t, nil)
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "ca.pem"), server, 0o600); err != nil {
		t.Fatal(err)
	}
	sandbox, err := live.LoadSandbox(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range live.SandboxKeys() {
		if _, ok := sandbox.Value(key.Name); !ok {
			t.Errorf("the example does not name %s", key.Name)
		}
		if !strings.HasSuffix(key.About, ".") {
			t.Errorf("what is said of %s is no sentence: %q", key.Name, key.About)
		}
	}
	if sandbox.Roots("https://127.0.0.1:1") == nil || sandbox.Roots("https://graph.microsoft.com") != nil {
		t.Error("the ca is for loopback addresses, and for them alone")
	}
}
