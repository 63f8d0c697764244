package live

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// recording are the responses of a run, redacted, by the clause that was provoked: a file DIR/observed/PROVIDER.yaml, laid out as
// fixtures/observed. It is written anew with each response, so that a run that is killed loses none.
type recording struct {
	folder  string
	entries map[string]string // by clause id, as the file has them
}

type recorded struct {
	ID        string            `yaml:"id"`
	Source    string            `yaml:"source"`
	Seen      string            `yaml:"seen"`
	Operation string            `yaml:"operation"`
	Status    int               `yaml:"status"`
	Header    map[string]string `yaml:"header,omitempty"`
	Body      string            `yaml:"body,omitempty"`
	Clause    string            `yaml:"clause,omitempty"`
	Reason    string            `yaml:"reason"`
}

// RecordingFile is where the recording of a provider stands.
func RecordingFile(folder, provider string) string {
	return filepath.Join(folder, "observed", provider+".yaml")
}

// Record keeps the response to a clause that was provoked, and the clause that it is, nil if none.
func (t *Tenant) Record(clause *fixtures.Clause, x exchange.Exchange, is *fixtures.Clause) error {
	if t.recording == nil || x.Status() < http.StatusBadRequest {
		return nil // what a success holds is somebody's
	}
	t.mutex.Lock()
	own := t.responded[clause.ID]
	delete(t.responded, clause.ID)
	t.mutex.Unlock()
	r := newRedaction(t.config.Sandbox, own, t.config.Options.Secrets)
	entry := recorded{
		ID: clause.ID, Source: "a live run", Seen: "body", Operation: clause.Operation.ID, Status: x.Status(),
		Header: map[string]string{}, Body: r.text(errorOf(x)), Reason: "it was provoked",
	}
	for _, name := range []string{"Content-Type", "Retry-After", "Date", "Request-Id", "Client-Request-Id"} {
		if value := x.Header(name); value != "" {
			entry.Header[name] = r.text(value)
		}
	}
	if is != nil {
		entry.Clause = is.ID
	}
	if err := t.recording.write(t.contract.Provider, entry); err != nil {
		return engineErrorf(opRecord, "the recording cannot be written to %s: name another folder with --record: %w", t.recording.folder, err)
	}
	return nil
}

// errorOf is a response's body, of an error object that object alone: what else there is may be somebody's.
func errorOf(x exchange.Exchange) string {
	found, has := x.At("/error")
	if !has {
		return string(x.Body())
	}
	text, _ := json.Marshal(map[string]any{"error": found}) // it was read from JSON
	return string(text)
}

// write writes the file with one response more.
func (r *recording) write(provider string, entry recorded) error {
	var encoded bytes.Buffer // once: a file of hundreds takes long
	encoder := yaml.NewEncoder(&encoded)
	encoder.SetIndent(2)
	const key = "observed:\n"
	if err := encoder.Encode(map[string]any{"observed": []recorded{entry}}); err != nil {
		return err
	}
	r.entries[entry.ID] = strings.TrimPrefix(encoded.String(), key)
	text := bytes.NewBufferString("# Recorded from a live run. Every id, name, address and date is a neutral one of its kind.\n" + key)
	for _, id := range slices.Sorted(maps.Keys(r.entries)) {
		text.WriteString(r.entries[id])
	}
	file := RecordingFile(r.folder, provider)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	half := file + ".part" // whoever reads the file never reads half of it
	if err := os.WriteFile(half, text.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(half, file)
}

// replay reads the responses of a recording, by clause.
func replay(folder string, contract *fixtures.Contract) (map[string]fixtures.Response, error) {
	all, err := fixtures.LoadObservedFS(os.DirFS(folder), contract)
	if err != nil {
		return nil, fmt.Errorf("%s is no recording of a live run of %s: give the folder that --record was given: %w", folder, contract.Provider, err)
	}
	responses := map[string]fixtures.Response{}
	for _, o := range all {
		responses[o.ID] = o.Response
	}
	return responses, nil
}

// replayed is a transport that responds with what was recorded.
func replayed(response fixtures.Response) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			_ = r.Body.Close() // nobody reads it
		}
		return &http.Response{
			StatusCode: response.Status, Status: fixtures.StatusLine(response.Status), Header: response.Header.Clone(), Request: r,
			Body: io.NopCloser(bytes.NewReader(response.Body)), ContentLength: int64(len(response.Body)),
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}, nil
	})
}

// redaction replaces what is a tenant's own by neutral values of the same kind, the same for the same, and numbered in the order
// of a response: two responses that differ in nothing else become one.
type redaction struct {
	any     *regexp.Regexp    // what is replaced
	known   map[string]string // what stands for a value
	own     map[string]string // what stands for a value that has no form, with its number
	domains []string          // the longest first
	count   int               // of the numbered ones
	secrets *Secrets
}

// The domains of the sandbox file's users, as a recording has them.
const (
	homeDomain  = "school.example"
	otherDomain = "other.example" // the outsider's
)

// newRedaction replaces what the sandbox file names, what the set-up received of its own, and what has the form of such a
// value.
func newRedaction(sandbox *Sandbox, responses []exchange.Exchange, secrets *Secrets) *redaction {
	r := &redaction{known: map[string]string{}, own: map[string]string{}, secrets: secrets}
	for _, x := range responses {
		var body any
		_ = json.Unmarshal(x.Body(), &body) // what is no JSON names nothing
		r.learn("", body)
	}
	for _, key := range sandbox.Names() {
		value, _ := sandbox.Value(key)
		value = strings.ToLower(value)
		user, host, isAddress := strings.Cut(value, "@")
		switch {
		case strings.HasSuffix(key, "ndpoint") || key == "graph.authority" || key == "ca":
		case isAddress && user != "":
			r.known[value] = strings.TrimPrefix(key, "classroom.") + "@" + homeDomain
			if key == "classroom.outsider" {
				r.known[value] = strings.TrimPrefix(key, "classroom.") + "@" + otherDomain
				r.domain(host, otherDomain)
			}
		case key == "classroom.domain":
			r.domain(value, homeDomain)
		case len(value) >= shortestOwn:
			r.own[value] = ownID
		}
	}
	slices.SortFunc(r.domains, func(a, b string) int { return len(b) - len(a) })
	var forms []string
	for value := range r.own {
		forms = append(forms, wholeWord(value))
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) }) // of two that begin alike, the longer one
	for _, k := range valueKinds {
		forms = append(forms, k.form.String())
	}
	r.any = regexp.MustCompile(strings.Join(forms, "|"))
	return r
}

func (r *redaction) domain(host, neutral string) {
	r.domains, r.known[host] = append(r.domains, host), neutral
}

// What stands for a value that is known to be the tenant's own, and has no form to tell it by.
const (
	ownID   = "id%d" // such as Google's of an invitation or a submission
	ownName = "Person %d"

	shortestOwn = 4 // bytes: "me" and "404" may stand anywhere
)

// learn notes the ids and the names of people in a response.
func (r *redaction) learn(key string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, entry := range value {
			r.learn(name, entry)
		}
	case []any:
		for _, entry := range value {
			r.learn(key, entry)
		}
	case string:
		switch {
		case len(value) < shortestOwn:
		case key == "fullName" && strings.Contains(value, " "): // one word may be the provider's, such as Student
			r.own[strings.ToLower(value)] = ownName
		case key == "id" || strings.HasSuffix(key, "Id") || key == "enrollmentCode":
			r.own[strings.ToLower(value)] = ownID
		}
	}
}

// wholeWord matches a text, in capitals too, that is no part of a longer word.
func wholeWord(text string) string {
	form := regexp.QuoteMeta(text)
	if isWord.MatchString(text[:1]) {
		form = `\b` + form
	}
	if isWord.MatchString(text[len(text)-1:]) {
		form += `\b`
	}
	return "(?i:" + form + ")"
}

var isWord = regexp.MustCompile(`\w`)

// valueKind is a kind of what is replaced.
type valueKind struct {
	form    *regexp.Regexp
	neutral string // with the number of the value where one must differ from another
}

// valueKinds are all, the first that matches before the others.
var valueKinds = []valueKind{
	{regexp.MustCompile(`(?i:` + regexp.QuoteMeta(prefix) + `[a-z2-7]{8,}-[0-9]+(?:-[a-z2-7]{10})?)`), "learncontract-run"}, // wherever it stands
	{regexp.MustCompile(`[\w.+-]+@[\w-]+(\.[\w-]+)+`), "user%d@example.com"},
	{regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`), "00000000-0000-0000-0000-%012d"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), "2000-01-01T00:00:00Z"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?`), "2000-01-01T00:00:00"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d\b`), "2000-01-01"},
	{
		regexp.MustCompile(`(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT`),
		"Sat, 01 Jan 2000 00:00:00 GMT",
	},
	{regexp.MustCompile(`\b\d{9,}\b`), "1%011d"},
}

// text is a text with every value replaced, and what looks like a token masked.
func (r *redaction) text(text string) string {
	text = r.any.ReplaceAllStringFunc(text, func(value string) string {
		key := strings.ToLower(value)
		if neutral, known := r.known[key]; known {
			return neutral
		}
		neutral := r.own[key]
		if at := slices.IndexFunc(valueKinds, func(k valueKind) bool { return k.form.FindString(value) == value }); at >= 0 {
			neutral = valueKinds[at].neutral
		}
		if strings.Contains(neutral, "%") {
			r.count++
			neutral = fmt.Sprintf(neutral, r.count)
		}
		r.known[key] = neutral
		return neutral
	})
	for _, domain := range r.domains {
		text = regexp.MustCompile(wholeWord(domain)).ReplaceAllString(text, r.known[domain])
	}
	return r.secrets.Scrub(text)
}
