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
}

// sandboxKeys are all keys that a sandbox file can have, in the order of the example. None is required: what is absent
// limits what can be provoked.
var sandboxKeys = []sandboxKey{
	{"graph.tenant", "The Entra tenant's id, which every token is compared with.", guid},
	{"graph.provider", "The registrationId of a registered provider with course activity sync on.", guid},
	{"graph.otherProvider", "The registrationId of a second one.", guid},
	{"graph.disabledProvider", "The registrationId of a registered provider with course activity sync off.", guid},
	{"graph.content", "The id of a learningContent of provider.", guid},
	{"graph.otherContent", "The id of a learningContent of otherProvider.", guid},
	{"graph.learner", "The id of a user who has a Viva Learning licence.", guid},
	{"graph.unlicensedLearner", "The id of a user who has none.", guid},
	{"graph.unlicensedActivity", "The id of an activity of provider, made when unlicensedLearner had a licence still.", activityID},
	{"graph.mismatchedActivity", "The id of an activity of provider whose content is otherProvider's now.", activityID},
	{"graph.app.clientID", "The app that has the Learning*.ReadWrite.All roles.", guid},
	{"graph.roleless.clientID", "An app that has no Learning* role.", guid},
	{"graph.endpoint", "Where Graph responds, version included; the real one by default.", endpointOf("graph.microsoft.com")},
	{"graph.authority", "Where Entra issues tokens; the real one by default.", endpointOf("login.microsoftonline.com")},
	{"classroom.domain", "The Workspace domain of every user below but the outsider.", domain},
	{"classroom.admin", "The address of an administrator of the domain.", address},
	{"classroom.teacher", "The address of a teacher, who owns what the run makes.", address},
	{"classroom.otherTeacher", "The address of a second teacher.", address},
	{"classroom.student", "The address of a student.", address},
	{"classroom.outsider", "The address of a user of another domain.", address},
	{"classroom.classroomOff", "The address of a user of an organizational unit in which Classroom is off.", address},
	{"classroom.apiOff", "The address of a user of an organizational unit in which access to the API is off.", address},
	{"classroom.suspended", "The address of a user whose account is suspended.", address},
	{"classroom.orphanedCourse", "The id of a long-lived course whose owner's account was deleted.", itemID},
	{"classroom.fullCourse", "The id of a long-lived course with as many teachers as a course can have.", itemID},
	{"classroom.outsiderCourse", "The id of a long-lived course of outsider.", itemID},
	{"classroom.otherProjectCourse", "The id of a long-lived course of teacher whose items another Cloud project has made, such as Classroom's own pages.", itemID},
	{"classroom.otherProjectWork", "The id of course work there.", itemID},
	{"classroom.otherProjectMaterial", "The id of a course work material there.", itemID},
	{"classroom.otherProjectAnnouncement", "The id of an announcement there.", itemID},
	{"classroom.otherProjectTopic", "The id of a topic there.", itemID},
	{"classroom.endpoint", "Where Classroom responds, without a version; the real one by default.", endpointOf("classroom.googleapis.com")},
	{"classroom.tokenEndpoint", "Where Google issues tokens; the real one by default.", endpointOf("oauth2.googleapis.com")},
	{"ca", "A PEM file, relative to the sandbox file, of who signs for the endpoints on loopback addresses.", nil},
}

// Identities are those a request can be sent as, by provider.
func Identities(provider string) []string {
	switch provider {
	case "graph":
		return []string{"app", "roleless"}
	case "classroom":
		return []string{"admin", "teacher", "otherTeacher", "student", "outsider", "limited", "classroomOff", "apiOff"}
	}
	return nil
}

// account is the key that names who an identity is: limited is teacher, by a token that has no scope but profile.emails.
func account(provider, identity string) string {
	switch {
	case provider == "graph":
		return "graph." + identity + ".clientID"
	case identity == "limited":
		return "classroom.teacher"
	}
	return "classroom." + identity
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

// distinct are the keys of which no two may have the same value, for then a response proves nothing.
var distinct = [][]string{
	{"graph.provider", "graph.otherProvider"},
	{"graph.content", "graph.otherContent"},
	{"graph.learner", "graph.unlicensedLearner"},
	{"graph.app.clientID", "graph.roleless.clientID"},
	{
		"classroom.admin", "classroom.teacher", "classroom.otherTeacher", "classroom.student", "classroom.outsider",
		"classroom.classroomOff", "classroom.apiOff", "classroom.suspended",
	},
}

// Sandbox is what a run may touch, as its file says.
type Sandbox struct {
	file   string
	values map[string]string
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
	r := &sandboxReader{Sandbox: Sandbox{file: file, values: map[string]string{}}, lines: map[string]int{}}
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
func (s *Sandbox) File() string { return s.file }

// Value is what the file says for a key of the file, and whether it says it.
func (s *Sandbox) Value(key string) (string, bool) {
	value, ok := s.values[key]
	return value, ok
}

// Names are the keys that the file has, sorted.
func (s *Sandbox) Names() []string { return slices.Sorted(maps.Keys(s.values)) }

// Endpoint is where a provider responds: the file's, or the real one. It does not end with a slash.
func (s *Sandbox) Endpoint(provider string) string {
	usual := map[string]string{"graph": "https://graph.microsoft.com/v1.0", "classroom": "https://classroom.googleapis.com"}
	return strings.TrimSuffix(cmp.Or(s.values[provider+".endpoint"], usual[provider]), "/")
}

// Roots are who may sign for an address: for a loopback address the file's ca alone if it names one; nil, the system's,
// for any other.
func (s *Sandbox) Roots(address string) *x509.CertPool {
	if u, err := url.Parse(address); err != nil || !isLoopback(u.Hostname()) {
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
	case known && n.Kind != yaml.ScalarNode:
		r.problem(n.Line, "%s must be one plain value: see suites/live/sandbox.example.yaml", at)
	case inner && n.Kind != yaml.MappingNode:
		r.problem(n.Line, "%s must have keys of its own: see suites/live/sandbox.example.yaml", cmp.Or(at, "the file"))
	case known:
		r.values[at], r.lines[at] = n.Value, n.Line
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

// check compares the values with what each must be.
func (r *sandboxReader) check() {
	for _, key := range sandboxKeys {
		value, ok := r.values[key.Name]
		switch {
		case !ok:
		case strings.HasPrefix(value, "<") && strings.HasSuffix(value, ">"):
			r.problem(r.lines[key.Name], "%s still holds the example's placeholder: fill it or take it out", key.Name)
			delete(r.values, key.Name)
		case key.form != nil:
			if problem := key.form(value); problem != "" {
				r.problem(r.lines[key.Name], "%s %s", key.Name, problem)
				delete(r.values, key.Name)
			}
		}
	}
	r.checkDomain()
	for _, keys := range distinct {
		for i, key := range keys {
			for _, other := range keys[:i] {
				a, b := r.values[key], r.values[other]
				if a != "" && strings.EqualFold(a, b) {
					r.problem(r.lines[key], "%s must not be the same as %s: name another one", key, other)
				}
			}
		}
	}
	if _, ok := r.values["ca"]; ok {
		r.readCA()
	}
}

// checkDomain compares the users with the domain.
func (r *sandboxReader) checkDomain() {
	of := r.values["classroom.domain"]
	for _, identity := range append(Identities("classroom"), "suspended") {
		key := "classroom." + identity
		user, ok := r.values[key]
		_, host, _ := strings.Cut(user, "@")
		switch inside := strings.EqualFold(host, of); {
		case !ok:
		case r.lines["classroom.domain"] == 0:
			r.problem(r.lines[key], "%s cannot be checked without classroom.domain: name the domain", key)
		case of == "": // reported already
		case identity == "outsider" && inside:
			r.problem(r.lines[key], "%s must not be of classroom.domain: name a user of another one", key)
		case identity != "outsider" && !inside:
			r.problem(r.lines[key], "%s is not of classroom.domain: name a user of the domain, or correct the domain", key)
		}
	}
}

// readCA reads the certificates of the file that ca names.
func (r *sandboxReader) readCA() {
	line := r.lines["ca"]
	local := slices.ContainsFunc(sandboxKeys, func(k sandboxKey) bool {
		u, err := url.Parse(r.values[k.Name])
		return err == nil && isLoopback(u.Hostname())
	})
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

var domainForm = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]*[a-z0-9])?)(?i:\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)

func domain(value string) string {
	return unless(domainForm.MatchString(value), "is not a domain: write it as in school.example")
}

var addressForm = regexp.MustCompile(`^[^@\s<>"]+@([^@\s]+)$`)

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

// endpointOf is the form of an address that may be the host that serves an API, or issues tokens for it, and nobody else's but
// for a loopback address: not the other provider's, which would get the token.
func endpointOf(host string) func(value string) string {
	return func(value string) string {
		u, err := url.Parse(value)
		switch {
		case err != nil || u.Hostname() == "" || u.Opaque != "":
			return "is not an absolute URL: write it as in https://127.0.0.1:8443"
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			return "must be scheme, host and path alone: take out the rest"
		case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
			return "must be https, for tokens go there, and plain http is for loopback addresses alone: write https"
		case !isLoopback(u.Hostname()) && !strings.EqualFold(u.Host, host):
			return "must be " + host + ", or a loopback address: a token is sent to nobody but its own provider"
		}
		return ""
	}
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
