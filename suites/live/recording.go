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
	"github.com/learncontract/learncontract/matchers"
)

// recording are the answers of a run, redacted, by the clause that was provoked: a file DIR/observed/PROVIDER.yaml, laid out as
// fixtures/observed. It is written anew with each answer, so that a run that is killed loses none.
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
	Because   string            `yaml:"because"`
}

// RecordingFile is where the recording of a provider stands.
func RecordingFile(folder, provider string) string {
	return filepath.Join(folder, "observed", provider+".yaml")
}

// Record keeps the answer to a clause that was provoked, and the clause that it is, nil if none.
func (t *Tenant) Record(clause *fixtures.Clause, x matchers.Exchange, is *fixtures.Clause) error {
	if t.recording == nil || x.Status() < http.StatusBadRequest {
		return nil // what a success holds is somebody's
	}
	r := newRedaction(t.config.Sandbox, t.config.Options.Secrets)
	entry := recorded{
		ID: clause.ID, Source: "a live run", Seen: "body", Operation: clause.Operation.ID, Status: x.Status(),
		Header: map[string]string{}, Body: r.text(errorOf(x)), Because: "it was provoked",
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
		return failed(OpRecord, "%w", err)
	}
	return nil
}

// errorOf is an answer's body, of an error object that object alone: what else there is may be somebody's.
func errorOf(x matchers.Exchange) string {
	found, has := x.At("/error")
	if !has {
		return string(x.Body())
	}
	text, _ := json.Marshal(map[string]any{"error": found}) // it was read from JSON
	return string(text)
}

// write writes the file with one answer more.
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

// replay reads the answers of a recording, by clause.
func replay(folder string, contract *fixtures.Contract) (map[string]fixtures.Answer, error) {
	all, err := fixtures.LoadObservedFS(os.DirFS(folder), contract)
	if err != nil {
		return nil, fmt.Errorf("%s is no recording of a live run: %w", folder, err)
	}
	answers := map[string]fixtures.Answer{}
	for _, o := range all {
		answers[o.ID] = o.Answer
	}
	return answers, nil
}

// replayed is a transport that answers with what was recorded.
func replayed(answer fixtures.Answer) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			_ = r.Body.Close() // nobody reads it
		}
		return &http.Response{
			StatusCode: answer.Status, Status: fixtures.StatusLine(answer.Status), Header: answer.Header.Clone(), Request: r,
			Body: io.NopCloser(bytes.NewReader(answer.Body)), ContentLength: int64(len(answer.Body)),
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}, nil
	})
}

// redaction replaces what is a tenant's own by neutral values of the same kind, the same for the same, and numbered in the order
// of an answer: two answers that differ in nothing else become one.
type redaction struct {
	known   map[string]string // what stands for a value
	count   int               // of the numbered ones
	secrets *Secrets
}

func newRedaction(sandbox *Sandbox, secrets *Secrets) *redaction {
	r := &redaction{known: map[string]string{}, secrets: secrets}
	for _, key := range sandbox.Names() {
		value, _ := sandbox.Value(key)
		switch {
		case strings.HasSuffix(key, "ndpoint") || key == "graph.authority" || key == "ca":
		case strings.Contains(value, "@"):
			r.known[strings.ToLower(value)] = strings.TrimPrefix(key, "classroom.") + "@school.example"
		case key == "classroom.domain":
			r.known[strings.ToLower(value)] = "school.example"
		}
	}
	return r
}

// valueKind is a kind of what is replaced.
type valueKind struct {
	form    *regexp.Regexp
	neutral string // with the number of the value where one must be told from another
}

// valueKinds are all, the first that matches before the others.
var valueKinds = []valueKind{
	{ours, "learncontract-run"},
	{regexp.MustCompile(`[\w.+-]+@[\w-]+(\.[\w-]+)+`), "user%d@example.com"},
	{regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`), "00000000-0000-0000-0000-%012d"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "2000-01-01T00:00:00Z"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?`), "2000-01-01T00:00:00"},
	{
		regexp.MustCompile(`(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT`),
		"Sat, 01 Jan 2000 00:00:00 GMT",
	},
	{regexp.MustCompile(`\b\d{9,}\b`), "1%011d"},
}

var anyValue = func() *regexp.Regexp {
	var forms []string
	for _, k := range valueKinds {
		forms = append(forms, k.form.String())
	}
	return regexp.MustCompile(strings.Join(forms, "|"))
}()

// text is a text with every value replaced, and what looks like a token masked.
func (r *redaction) text(text string) string {
	text = anyValue.ReplaceAllStringFunc(text, func(value string) string {
		key := strings.ToLower(value)
		if neutral, known := r.known[key]; known {
			return neutral
		}
		at := slices.IndexFunc(valueKinds, func(k valueKind) bool { return k.form.FindString(value) == value })
		neutral := valueKinds[at].neutral
		if strings.Contains(neutral, "%") {
			r.count++
			neutral = fmt.Sprintf(neutral, r.count)
		}
		r.known[key] = neutral
		return neutral
	})
	for value, neutral := range r.known {
		if neutral == "school.example" {
			text = strings.ReplaceAll(text, value, neutral)
		}
	}
	return r.secrets.Scrub(text)
}
