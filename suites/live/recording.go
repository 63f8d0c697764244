package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
// a provider's observed.yaml. It is written anew with each response, so that a run that is killed loses none.
type recording struct {
	folder     string
	entries    map[string]string // by clause id, as the file has them
	vocabulary vocabulary        // of what is not replaced
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

const (
	recordingHead = "# Recorded from a live run. Every id, name, address and date is a neutral one of its kind.\n"
	recordingKey  = "observed:\n"
	halfWritten   = ".part"
)

// openRecording opens a folder for a recording: a new one, or that of a run before, whose responses stay. It fails on one that has
// something else, and writes nothing.
func openRecording(folder string, contract *fixtures.Contract) (*recording, error) {
	r := &recording{folder, map[string]string{}, newVocabulary(contract)}
	own := RecordingFile(folder, contract.Provider)
	files, err := os.ReadDir(filepath.Dir(own))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--record: %s cannot be read (%w): name another folder", filepath.Dir(own), cause(err))
	}
	for _, file := range files {
		path := filepath.Join(filepath.Dir(own), file.Name())
		text, err := os.ReadFile(path)
		isRuns := slices.ContainsFunc(fixtures.Providers(), func(provider string) bool {
			return strings.TrimSuffix(path, halfWritten) == RecordingFile(folder, provider)
		})
		if err != nil || !isRuns || !bytes.HasPrefix(text, []byte(recordingHead)) {
			return nil, fmt.Errorf("--record: no run has written %s: name a new folder, or that of an earlier recording, which is added to", path)
		}
		if path != own {
			continue
		}
		var before struct {
			Observed []recorded `yaml:"observed"`
		}
		if err := yaml.Unmarshal(text, &before); err != nil {
			return nil, fmt.Errorf("--record: %s is no recording any more: correct it, or name a new folder: %w", path, err)
		}
		for _, entry := range before.Observed {
			if contract.Clause(entry.ID) == nil {
				continue // of an older contract
			}
			if err := r.add(entry); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
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
	r := newRedaction(t.recording.vocabulary, clause.Operation, x, t.config.Sandbox, own, t.config.Options.Secrets)
	entry := recorded{
		ID: clause.ID, Source: "a live run", Seen: "body", Operation: clause.Operation.ID, Status: x.Status(),
		Header: map[string]string{}, Body: r.body(errorOf(x)), Reason: "it was provoked",
	}
	for _, name := range []string{"Content-Type", "Retry-After", "Date", "Request-Id", "Client-Request-Id"} {
		if value := x.Header(name); name == "Content-Type" && mediaType.MatchString(value) {
			entry.Header[name] = value
		} else if value != "" {
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

// mediaType is a Content-Type of letters, with the name of a character set at most.
var mediaType = regexp.MustCompile(`^[a-z]+/[a-z.+-]+(; ?(?i:charset=(utf-8|utf-16|iso-8859-1|us-ascii)))?$`)

// errorOf is a response's body, of an error object that object alone: what else there is may be somebody's.
func errorOf(x exchange.Exchange) string {
	found, has := x.At("/error")
	if !has {
		return string(x.Body())
	}
	text, _ := json.Marshal(map[string]any{"error": found}) // it was read from JSON
	return string(text)
}

// add adds a response, or replaces the one that there is of its clause.
func (r *recording) add(entry recorded) error {
	var encoded bytes.Buffer // once: a file of hundreds takes long
	encoder := yaml.NewEncoder(&encoded)
	encoder.SetIndent(2)
	if err := encoder.Encode(map[string]any{"observed": []recorded{entry}}); err != nil {
		return err
	}
	r.entries[entry.ID] = strings.TrimPrefix(encoded.String(), recordingKey)
	return nil
}

// write writes the file with one response more.
func (r *recording) write(provider string, entry recorded) error {
	if err := r.add(entry); err != nil {
		return err
	}
	text := bytes.NewBufferString(recordingHead + recordingKey)
	for _, id := range slices.Sorted(maps.Keys(r.entries)) {
		text.WriteString(r.entries[id])
	}
	file := RecordingFile(r.folder, provider)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	half := file + halfWritten // whoever reads the file never reads half of it
	if err := os.WriteFile(half, text.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(half, file)
}

// replay reads the responses of a recording, by clause.
func replay(folder string, contract *fixtures.Contract) (map[string]fixtures.Response, error) {
	all, err := fixtures.LoadObservedFile(RecordingFile(folder, contract.Provider), contract)
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
