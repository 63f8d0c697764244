// Package live calls a real provider: whom a run may talk to, as whom, and by which transport.
//
// A Sandbox is the file that names what a run may touch. A SignIn gets access tokens. A Transport is the only way to the
// provider: it sends nothing before it has proved whom it is talking to, nothing elsewhere, and nothing too fast. Secrets
// keeps what must not leave, and looks for it in what a run leaves behind.
//
// The package must not know Ginkgo or package suites, which imports it, nor what a provider documents.
package live

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// sandboxKey is something that a sandbox file can name.
type sandboxKey struct {
	Name  string // with dots, such as "graph.otherProvider"
	About string // what it is, in a sentence
	form  func(value string) (problem string)
	list  bool // whether it has any number of values
}

// sandboxKeys are all keys that a sandbox file can have, in the order of the example. None is required: what is absent
// limits what can be provoked.
var sandboxKeys = []sandboxKey{
	{Name: "graph.tenant", About: "The Entra tenant's id, which every token is compared with.", form: guid},
	{Name: "graph.provider", About: "The registrationId of a registered provider with course activity sync on.", form: guid},
	{Name: "graph.otherProvider", About: "The registrationId of a second one.", form: guid},
	{Name: "graph.disabledProvider", About: "The registrationId of a registered provider with course activity sync off.", form: guid},
	{Name: "graph.content", About: "The id of a learningContent of provider.", form: guid},
	{Name: "graph.otherContent", About: "The id of a learningContent of otherProvider.", form: guid},
	{Name: "graph.learner", About: "The id of a user who has a Viva Learning licence.", form: guid},
	{Name: "graph.unlicensedLearner", About: "The id of a user who has none.", form: guid},
	{Name: "graph.unlicensedActivity", About: "The id of an activity of provider, made when unlicensedLearner had a licence still.", form: activityID},
	{Name: "graph.mismatchedActivity", About: "The id of an activity of provider whose content is otherProvider's now.", form: activityID},
	{Name: "graph.app.clientID", About: "The app that has the Learning*.ReadWrite.All roles.", form: guid},
	{Name: "graph.roleless.clientID", About: "An app that has no Learning* role.", form: guid},
	{Name: "graph.marker", About: "The id of the activity that marks the tenant as a sandbox.", form: activityID},
	{
		Name: "graph.allow", About: "The ids of users whom a run may act upon though they cannot sign in to prove who they are.",
		form: guid, list: true,
	},
	{Name: "graph.endpoint", About: "Where Graph responds, version included; the real one by default."},
	{Name: "graph.authority", About: "Where Entra issues tokens; the real one by default."},
	{Name: "classroom.domain", About: "The Workspace's primary domain.", form: domain},
	{Name: "classroom.secondaryDomains", About: "Its other domains, of which the users below may be, too; the outsider is of none.", form: domain, list: true},
	{Name: "classroom.admin", About: "The address of an administrator of the domain.", form: address},
	{Name: "classroom.teacher", About: "The address of a teacher, who owns what the run makes.", form: address},
	{Name: "classroom.otherTeacher", About: "The address of a second teacher.", form: address},
	{Name: "classroom.student", About: "The address of a student.", form: address},
	{Name: "classroom.outsider", About: "The address of a user of another domain.", form: address},
	{Name: "classroom.classroomOff", About: "The address of a user of an organizational unit in which Classroom is off.", form: address},
	{Name: "classroom.apiOff", About: "The address of a user of an organizational unit in which access to the API is off.", form: address},
	{Name: "classroom.suspended", About: "The address of a user whose account is suspended.", form: address},
	{Name: "classroom.orphanedCourse", About: "The id of a long-lived course whose owner's account was deleted.", form: itemID},
	{Name: "classroom.fullCourse", About: "The id of a long-lived course with as many teachers as a course can have.", form: itemID},
	{Name: "classroom.outsiderCourse", About: "The id of a long-lived course of outsider.", form: itemID},
	{Name: "classroom.otherProjectCourse", About: "The id of a long-lived course of teacher whose items another Cloud project has made, such as Classroom's own pages.", form: itemID},
	{Name: "classroom.otherProjectWork", About: "The id of course work there.", form: itemID},
	{Name: "classroom.otherProjectMaterial", About: "The id of a course work material there.", form: itemID},
	{Name: "classroom.otherProjectAnnouncement", About: "The id of an announcement there.", form: itemID},
	{Name: "classroom.otherProjectTopic", About: "The id of a topic there.", form: itemID},
	{Name: "classroom.marker", About: "The id of the course of teacher that marks the domain as a sandbox.", form: itemID},
	{Name: "classroom.otherProject", About: "The OAuth client id of a second Cloud project, by which teacher signs in, too.", form: clientID},
	{
		Name: "classroom.allow", About: "The addresses of users whom a run may act upon though they do not sign in to prove who they are.",
		form: address, list: true,
	},
	{Name: "classroom.endpoint", About: "Where Classroom responds, without a version; the real one by default."},
	{Name: "classroom.tokenEndpoint", About: "Where Google issues tokens; the real one by default."},
	{Name: "ca", About: "A PEM file, relative to the sandbox file, of who signs for the endpoints on loopback addresses."},
}

// Identities are those a request can be sent as, by provider.
func Identities(provider string) []string {
	switch provider {
	case "graph":
		return []string{"app", "roleless"}
	case "classroom":
		return []string{"admin", "teacher", "otherTeacher", "student", "outsider", "limited", "classroomOff", "apiOff", "otherProject"}
	}
	return nil
}

// account is the key that names who an identity is: limited is teacher, by a token that has no scope but profile.emails, and
// otherProject is, by a client of another Cloud project.
func account(provider, identity string) string {
	switch {
	case provider == "graph":
		return "graph." + identity + ".clientID"
	case identity == "limited", identity == "otherProject":
		return "classroom.teacher"
	}
	return "classroom." + identity
}

// allowKey ends the keys whose value is a list.
const allowKey = ".allow"

// allows reports whether a provider's list has a value.
func (s *Sandbox) allows(provider, value string) bool {
	return slices.ContainsFunc(strings.Fields(s.values[provider+allowKey]), func(allowed string) bool {
		return equalASCII(allowed, value)
	})
}

// Account is the address of the user that an identity of Classroom is. The error says what the file does not name.
func (s *Sandbox) Account(identity string) (string, error) {
	key := account("classroom", identity)
	user, named := s.Value(key)
	if !named {
		return "", fmt.Errorf("%s does not name %s: name the user's address", s.file, key)
	}
	return user, nil
}

// Sandbox is what a run may touch, as its file says.
type Sandbox struct {
	file   string
	values map[string]string // those of a list with spaces between them
	facts  *fixtures.Tenants
	ca     *x509.CertPool
}

// cause is what is wrong with a file, without its name, which stands before it.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// LoadSandbox reads a sandbox file strictly. The error is a fixtures.Problems: everything that is wrong, each with file,
// line and how to fix it, and never with a value, for it may be a secret.
func LoadSandbox(file string) (*Sandbox, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		what := fmt.Sprintf("cannot be read (%s): give a file that can be", cause(err))
		if errors.Is(err, fs.ErrNotExist) {
			what = "does not exist: copy suites/live/sandbox.example.yaml and fill in what your tenant has"
		}
		return nil, fixtures.Problems{{File: file, Text: what}}
	}
	facts, err := fixtures.LoadTenants()
	if err != nil {
		return nil, err
	}
	r := &sandboxReader{Sandbox: Sandbox{file: file, values: map[string]string{}, facts: facts}, lines: map[string]int{}}
	leaked := r.secrets(text)
	var root yaml.Node
	if err := fixtures.ReadYAML(file, &root); err != nil {
		var problems fixtures.Problems
		if !errors.As(err, &problems) {
			return nil, err
		}
		r.problems = append(r.problems, problems...)
	}
	if root.Kind != 0 { // the file could be read
		r.walk("", &root)
		r.check()
	}
	r.problems = slices.DeleteFunc(r.problems, func(p fixtures.Problem) bool {
		return leaked[p.Line] && p.Text != secretRemedy // it may show the value
	})
	if len(r.problems) == 0 {
		return &r.Sandbox, nil
	}
	slices.SortStableFunc(r.problems, func(a, b fixtures.Problem) int { return cmp.Compare(a.Line, b.Line) })
	return nil, r.problems
}

// File is where the sandbox was read from.
func (s *Sandbox) File() string {
	if s == nil {
		return ""
	}
	return s.file
}

// Value is what the file says for a key of the file, and whether it says it.
func (s *Sandbox) Value(key string) (string, bool) {
	value, ok := s.values[key]
	return value, ok
}

// Names are the keys that the file has, sorted.
func (s *Sandbox) Names() []string { return slices.Sorted(maps.Keys(s.values)) }

// Endpoint is where a provider responds: the file's, or the real one. It does not end with a slash.
func (s *Sandbox) Endpoint(provider string) string {
	return s.endpoint(provider + ".endpoint")
}

func (s *Sandbox) endpoint(key string) string {
	return strings.TrimSuffix(cmp.Or(s.values[key], s.facts.Endpoints[key]), "/")
}

// TokenEndpoint is where Google issues tokens: the file's, or the real one.
func (s *Sandbox) TokenEndpoint() string { return s.endpoint("classroom.tokenEndpoint") }

// tokenInfo is where Google says which scopes a token has: at the host that issues it. A stand-in whose file names no such host says
// it where it gets the token anyway.
func (s *Sandbox) tokenInfo() string {
	host := s.TokenEndpoint()
	if _, named := s.Value("classroom.tokenEndpoint"); !named && OnLoopback(s.Endpoint("classroom")) {
		host = s.Endpoint("classroom")
	}
	u, err := url.Parse(host)
	if err != nil {
		return host // not of a file that was loaded
	}
	u.Path = s.facts.TokenInfo
	return u.String()
}

// Scopes are those that an identity of Classroom signs in with.
func (s *Sandbox) Scopes(identity string) []string {
	if identity == "limited" {
		return s.facts.LimitedScopes
	}
	return s.facts.Scopes
}

// Roots are who may sign for an address: for a loopback address the file's ca alone if it names one; nil, the system's,
// for any other.
func (s *Sandbox) Roots(address string) *x509.CertPool {
	if !OnLoopback(address) {
		return nil
	}
	return s.ca
}

// sandboxReader turns a sandbox file into a Sandbox and notes every problem on the way.
type sandboxReader struct {
	Sandbox
	lines    map[string]int // by key
	problems fixtures.Problems
}

func (r *sandboxReader) problem(line int, format string, args ...any) {
	r.problems = append(r.problems, fixtures.Problem{File: r.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

const secretRemedy = "looks like a secret, and secrets come from the environment: take it out, and revoke it if " +
	"anybody else has seen this file"

// secrets notes the lines, comments too, on which something looks like a secret.
func (r *sandboxReader) secrets(text []byte) map[int]bool {
	leaked := map[int]bool{}
	for i, line := range bytes.Split(text, []byte("\n")) {
		if len(exchange.FindSecrets(line)) > 0 {
			leaked[i+1] = true
			r.problem(i+1, secretRemedy)
		}
	}
	return leaked
}

var secretName = regexp.MustCompile(`(?i)secret|passw|token|key|credential|assertion`)

// walk notes the value of every key.
func (r *sandboxReader) walk(at string, n *yaml.Node) {
	if n.Kind == yaml.DocumentNode {
		for _, child := range n.Content {
			r.walk("", child)
		}
		return
	}
	known := slices.ContainsFunc(sandboxKeys, func(k sandboxKey) bool { return k.Name == at })
	inner := at == "" || slices.ContainsFunc(sandboxKeys, func(k sandboxKey) bool { return strings.HasPrefix(k.Name, at+".") })
	switch {
	case !known && !inner && secretName.MatchString(at):
		r.problem(n.Line, "%s is not a key of the file: secrets come from the environment: take it out", at)
	case !known && !inner:
		r.problem(n.Line, "unknown key %s: correct it or take it out", at)
	case n.Tag == "!!null":
		r.problem(n.Line, "%s is empty: fill it or take it out", at)
	case known && n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		r.problem(n.Line, "%s is empty: fill it or take it out", at)
	case known && n.Kind == yaml.SequenceNode && isList(at):
		for _, entry := range n.Content {
			r.walk(at, entry)
		}
	case known && n.Kind != yaml.ScalarNode:
		r.problem(n.Line, "%s must be one plain value: see suites/live/sandbox.example.yaml", at)
	case inner && n.Kind != yaml.MappingNode:
		r.problem(n.Line, "%s must have keys of its own: see suites/live/sandbox.example.yaml", cmp.Or(at, "the file"))
	case known:
		r.values[at], r.lines[at] = strings.TrimSpace(r.values[at]+" "+n.Value), n.Line
	default:
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := strings.TrimPrefix(at+"."+n.Content[i].Value, ".")
			if seen[key] {
				r.problem(n.Content[i].Line, "key %s stands twice: take one out", key)
			}
			seen[key] = true
			r.walk(key, n.Content[i+1])
		}
	}
}

func isList(key string) bool {
	return slices.ContainsFunc(sandboxKeys, func(k sandboxKey) bool { return k.Name == key && k.list })
}

// check compares the values with what each must be.
func (r *sandboxReader) check() {
	never, err := neverTouched(r.facts)
	if err != nil {
		r.problem(1, "%s", err) // of the environment, and so of no line
	}
	for _, key := range sandboxKeys {
		value, ok := r.values[key.Name]
		if !ok {
			continue
		}
		usual, isEndpoint := r.facts.Endpoints[key.Name]
		problem := ""
		switch {
		case strings.HasPrefix(value, "<") && strings.HasSuffix(value, ">"):
			problem = "still holds the example's placeholder: fill it or take it out"
		case isEndpoint:
			problem = r.checkEndpoint(value, usual)
		case key.form != nil:
			for each := range strings.FieldsSeq(value) {
				problem = cmp.Or(problem, key.form(each), never.matches(key.Name, each))
			}
		}
		if problem != "" {
			r.problem(r.lines[key.Name], "%s %s", key.Name, problem)
			delete(r.values, key.Name)
		}
	}
	r.checkDomains()
	r.checkDistinct()
	if _, ok := r.values["ca"]; ok {
		r.readCA()
	}
}

// checkDistinct reports what two keys of a provider name: a response would prove nothing.
func (r *sandboxReader) checkDistinct() {
	named := map[string]string{} // the key, by provider and value
	for _, key := range sandboxKeys {
		value := lowerASCII(r.values[key.Name])
		if value == "" || key.form == nil || key.list || key.Name == "graph.tenant" || strings.Contains(strings.ToLower(key.Name), "domain") {
			continue
		}
		provider, _, _ := strings.Cut(key.Name, ".")
		if other := named[provider+" "+value]; other != "" {
			r.problem(r.lines[key.Name], "%s must not be the same as %s: name another one", key.Name, other)
		}
		named[provider+" "+value] = key.Name
	}
}

// checkDomains compares the users with the domains of the Workspace.
func (r *sandboxReader) checkDomains() {
	domains := strings.Fields(lowerASCII(r.values["classroom.domain"] + " " + r.values["classroom.secondaryDomains"]))
	for _, identity := range append(Identities("classroom"), "suspended") {
		key := account("classroom", identity)
		user, ok := r.values[key]
		_, host, _ := strings.Cut(lowerASCII(user), "@")
		related := slices.ContainsFunc(domains, func(d string) bool { return isWithin(host, d) || isWithin(d, host) })
		switch {
		case !ok || key == "classroom.teacher" && identity != "teacher": // reported already
		case r.lines["classroom.domain"] == 0:
			r.problem(r.lines[key], "%s cannot be checked without classroom.domain: name the domain", key)
		case r.values["classroom.domain"] == "": // reported already
		case identity == "outsider" && slices.Contains(domains, host):
			r.problem(r.lines[key], "%s must not be of classroom.domain, nor of secondaryDomains: name a user of another one", key)
		case identity == "outsider" && related:
			r.problem(r.lines[key], "%s is of a domain above or below one of the Workspace, which may be of the same Workspace: name a user of another one", key)
		case identity != "outsider" && !slices.Contains(domains, host):
			r.problem(r.lines[key], "%s is not of classroom.domain: name a user of the domain, or add the user's to classroom.secondaryDomains, if it is of the same Workspace", key)
		}
	}
}

// isWithin reports whether a domain is another, or one below it.
func isWithin(domain, above string) bool {
	return domain == above || strings.HasSuffix(domain, "."+above)
}

// OnLoopback reports whether an address is of this machine alone, as a stand-in's is.
func OnLoopback(address string) bool {
	u, err := url.Parse(address)
	return err == nil && isLoopback(u.Hostname())
}

// readCA reads the certificates of the file that ca names.
func (r *sandboxReader) readCA() {
	line := r.lines["ca"]
	local := slices.ContainsFunc(sandboxKeys, func(k sandboxKey) bool { return OnLoopback(r.values[k.Name]) })
	if !local {
		r.problem(line, "ca is for endpoints on loopback addresses alone, and the file has none: take it out")
		return
	}
	file := r.values["ca"]
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(r.file), file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		r.problem(line, "the file of ca cannot be read (%s): its path is from the sandbox file's folder", cause(err))
		return
	}
	if len(exchange.FindSecrets(text)) > 0 {
		r.problem(line, "the file of ca holds a private key: name one that holds certificates alone")
		return
	}
	r.ca = x509.NewCertPool()
	if !r.ca.AppendCertsFromPEM(text) {
		r.problem(line, "the file of ca holds no certificate that can be read: name one in PEM, as the stand-in writes it")
	}
}

var guidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func guid(value string) string {
	return unless(guidForm.MatchString(value), "is not a GUID: copy it whole, as in 00000000-0000-0000-0000-000000000000")
}

var domainForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`)

func domain(value string) string {
	return unless(domainForm.MatchString(value), "is not a domain: write it as in school.example")
}

var addressForm = regexp.MustCompile(`^[!#-;=?A-~]+@([^@\s]+)$`) // of ASCII alone: other letters are lookalikes

func address(value string) string {
	m := addressForm.FindStringSubmatch(value)
	return unless(m != nil && domainForm.MatchString(m[1]), "is not a mail address: write it as in teacher@school.example")
}

var itemIDForm = regexp.MustCompile(`^[0-9]+$`)

func itemID(value string) string {
	return unless(itemIDForm.MatchString(value), "is not an id: Classroom's are numbers, and no aliases")
}

// The example of an activity's id is "GUID:GUID" where one is made, and a GUID where it is read.
var activityIDForm = regexp.MustCompile(`^[0-9a-fA-F:-]{36,}$`)

func activityID(value string) string {
	return unless(activityIDForm.MatchString(value), "is not an activity's id: copy it whole")
}

// checkEndpoint says what keeps an address from being that of an API, or of who issues tokens for it, or a stand-in's on a loopback
// address: nobody else's, not the other provider's either, which would get the token, and no other version.
func (s *Sandbox) checkEndpoint(value, usual string) string {
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return "is not an absolute URL: write it as in https://127.0.0.1:8443"
	}
	ours, _ := url.Parse(usual) // a test parses them all
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "must be scheme, host and path alone: take out the rest"
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return "must be https, for tokens go there, and plain http is for loopback addresses alone: write https"
	case s.nationalCloud(value) != "":
		return "is of a national cloud: " + s.nationalCloud(value)
	case !isLoopback(u.Hostname()) && !equalASCII(u.Host, ours.Host):
		return "must be " + ours.Host + ", or a loopback address: a token is sent to nobody but its own provider"
	case strings.TrimSuffix(u.EscapedPath(), "/") != ours.EscapedPath():
		return "must have the path of what is documented, and of no other version: write it as in " + usual
	}
	return ""
}

// nationalCloud says that an address is in a national cloud, which has no such API, "" if it is in none.
func (s *Sandbox) nationalCloud(address string) string {
	u, err := url.Parse(lowerASCII(address))
	if err != nil || !slices.Contains(s.facts.NationalClouds.Hosts, u.Hostname()) {
		return ""
	}
	return fmt.Sprintf("%s (%s): sign in to the global one", s.facts.NationalClouds.Says, s.facts.NationalClouds.Source)
}

// neverVariable names the environment variable that lists tenants and domains that no run touches.
const neverVariable = "LEARNCONTRACT_NEVER"

// never are those and what nobody has for a sandbox.
type never []fixtures.Never

// neverTouched reads the environment. An entry that could match nothing is an error: who wrote it relies on it.
func neverTouched(facts *fixtures.Tenants) (never, error) {
	listed := strings.FieldsFunc(os.Getenv(neverVariable), func(r rune) bool { return strings.ContainsRune(" ,;\t\r\n", r) })
	for _, entry := range listed {
		if guid(entry) != "" && domain(entry) != "" && address(entry) != "" {
			return nil, fmt.Errorf("%s lists %q, which is no tenant's id, no domain and no address: correct it, or take it out", neverVariable, exchange.Printable(entry))
		}
	}
	return append(never{{Is: "what " + neverVariable + " lists", Values: listed}}, facts.Never...), nil
}

// matches says why a value of the file is never touched, "" if it may be. The outsider may have a personal account: nothing is done in
// the outsider's domain.
func (n never) matches(key, value string) string {
	value = lowerASCII(value)
	_, host, _ := strings.Cut(value, "@")
	for i, entry := range n {
		for _, forbidden := range entry.Values {
			forbidden = lowerASCII(forbidden)
			is := value == forbidden || isWithin(value, forbidden) || isWithin(host, forbidden)
			if is && (i == 0 || key != "classroom.outsider") {
				return "is " + entry.Is + ", which no run touches: name a sandbox of your own"
			}
		}
	}
	return ""
}

var clientIDForm = regexp.MustCompile(`^[0-9A-Za-z.-]+$`)

func clientID(value string) string {
	return unless(clientIDForm.MatchString(value), "is not a client id: copy it whole, as in 1234567890-abc.apps.googleusercontent.com")
}

func unless(ok bool, problem string) string {
	if ok {
		return ""
	}
	return problem
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
