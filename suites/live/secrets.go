package live

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/learncontract/learncontract/fixtures"
)

// shortest is how long a secret must be, in bytes, to be looked for: a shorter one stands in many a text by chance.
const shortest = 8

// Secrets knows what must not leave: every value it was given, and everything that looks like a secret. Goroutines may
// share it.
type Secrets struct {
	mutex sync.RWMutex
	known map[uint16][]known // by hash of how the form begins
	first [1 << 16]bool      // whether there is one of that hash
}

// known is a form of a secret: as it stands, a part of it, in base64 and in that again, and in hexadecimal.
type known struct {
	kind string
	form string
}

// secretVariables hold secrets, and secretFiles the names of files that do.
var (
	secretVariables = []string{
		"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
		"LEARNCONTRACT_ROLELESS_CLIENT_SECRET", "LEARNCONTRACT_GOOGLE_CLIENT_SECRET",
	}
	secretFiles = []string{"AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH", "GOOGLE_APPLICATION_CREDENTIALS"}
	proxies     = []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"}
)

// NewSecrets knows the secrets of the environment: those sign-in takes from its variables, and from the files they name.
func NewSecrets() *Secrets {
	s := &Secrets{}
	variables := slices.Clone(secretVariables)
	for _, provider := range fixtures.Providers() {
		for _, identity := range Identities(provider) {
			as := provider + "/" + identity
			variables = append(variables, TokenVariable(as), RefreshTokenVariable(as))
		}
	}
	for _, name := range variables {
		s.Add(name, os.Getenv(name))
	}
	for _, name := range secretFiles {
		if text, err := os.ReadFile(os.Getenv(name)); err == nil { // sign-in says what is wrong with the file
			s.addFile("the file of "+name, text)
		}
	}
	for _, name := range proxies {
		if proxy, err := url.Parse(os.Getenv(name)); err == nil && proxy.User != nil {
			password, _ := proxy.User.Password()
			s.Add("the password of "+name, password)
		}
	}
	return s
}

// addFile notes what a file of secrets holds: the secret members of a JSON object, the lines of anything else.
func (s *Secrets) addFile(kind string, text []byte) {
	var object map[string]any
	if json.Unmarshal(text, &object) != nil {
		s.addLines(kind, string(text))
		return
	}
	for _, name := range []string{"private_key", "client_secret", "refresh_token"} {
		value, _ := object[name].(string)
		s.addLines(kind, value)
	}
	source, _ := object["credential_source"].(map[string]any) // of workload identity federation
	name, _ := source["file"].(string)
	if text, err := os.ReadFile(name); err == nil { // sign-in says what is wrong with it
		s.addLines(kind, string(text))
	}
}

// addLines notes each line that is long enough to be one of a key, for a text of many is seldom kept whole.
func (s *Secrets) addLines(kind, text string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") && len(line) >= 16 {
			s.Add(kind, line)
		}
	}
}

// Add notes a secret, and says of what kind it is. It ignores one of less than 8 bytes, which stands in many a text by
// chance.
func (s *Secrets) Add(kind, value string) {
	if value = strings.TrimSpace(value); len(value) < shortest {
		return
	}
	forms := []string{value, string(squeeze.apply(plainView([]byte(value))).text), strings.ReplaceAll(value, " ", "+")}
	const piece = 16 // of a long one, one of which is in each part of it that is twice as long
	for i := 0; i+piece <= len(value) && len(value) >= 2*piece; i += piece {
		forms = append(forms, value[i:i+piece], value[len(value)-piece:])
	}
	once := inBase64(value)
	forms = append(forms, once...)
	for _, form := range once {
		forms = append(forms, inBase64(form)...)
	}
	forms = append(forms, hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value))))
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.known == nil {
		s.known = map[uint16][]known{}
	}
	for _, form := range forms {
		if k := (known{kind, form}); len(form) >= shortest && !slices.Contains(s.known[hash(form)], k) {
			s.known[hash(form)] = append(s.known[hash(form)], k)
			s.first[hash(form)] = true
		}
	}
}

// inBase64 is what is always there of a value within a longer text in base64: how it begins and ends depends on the text
// around it.
func inBase64(value string) (forms []string) {
	for before := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", before) + value))
		text = text[(before*8+5)/6:]
		if (before+len(value))%3 != 0 {
			text = text[:len(text)-1]
		}
		forms = append(forms, text, strings.NewReplacer("+", "-", "/", "_").Replace(text))
	}
	return forms
}

const mask = "[masked]"

// Scrub masks every known secret in a text, and everything that looks like one, escaped or not.
func (s *Secrets) Scrub(text string) string {
	var scrubbed strings.Builder
	end := 0
	for _, span := range s.search([]byte(text)) {
		scrubbed.WriteString(text[end:span.start])
		scrubbed.WriteString(mask)
		end = span.end
	}
	scrubbed.WriteString(text[end:])
	return scrubbed.String()
}

// Find is a secret that was found, never its value.
type Find struct {
	Artefact string // where
	Offset   int64  // of its first byte, or of the escape that stands for it
	Kind     string // such as "a JSON Web Token" or "the token of graph/app"
}

// String is the find as a failure prints it.
func (f Find) String() string {
	return fmt.Sprintf("%s: at byte %d stands %s", f.Artefact, f.Offset, f.Kind)
}
