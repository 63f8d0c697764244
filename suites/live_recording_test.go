package suites

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
	"github.com/learncontract/learncontract/suites/report"
)

// echoing is a provider whose refusals say whatever it received, and whose invitations and submissions have opaque ids.
type echoing struct {
	day   string // of its refusals
	salt  string // of its ids
	mutex sync.Mutex
	real  map[string]string // by opaque id
	names map[string]bool   // that runs have given
	said  []string          // by the requests and responses of a recipe
}

var (
	ownNames  = regexp.MustCompile(`learncontract-[a-z2-7]+-\d+`)
	fullNames = regexp.MustCompile(`"fullName":\s*"([^"]+)"`)
	numberIDs = regexp.MustCompile(`"id":\s*"(\d+)"`)
)

// begin forgets what the last recipe sent.
func (e *echoing) begin() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.said = nil
}

func (e *echoing) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mutex.Lock()
		defer e.mutex.Unlock()
		sent, _ := io.ReadAll(r.Body)        // of what breaks off, the half
		out := r.Clone(context.Background()) // it is sent below
		out.Body = io.NopCloser(bytes.NewReader(sent))
		for opaque, number := range e.real {
			out.URL.Path = strings.Replace(out.URL.Path, opaque, number, 1)
		}
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, out)
		text := recorder.Body.Bytes()
		for _, name := range ownNames.FindAllString(r.URL.Path+string(sent), -1) {
			e.names[name] = true
			e.said = append(e.said, name, "http://"+name+".example.com/", "d:"+name)
		}
		switch {
		case strings.HasSuffix(r.URL.Path, "/userProfiles/me"): // which proves an identity
		case recorder.Code >= http.StatusBadRequest:
			text = e.echo(text, r.URL.Path)
		default:
			for _, found := range fullNames.FindAllSubmatch(text, -1) {
				e.said = append(e.said, string(found[1]))
			}
			if strings.Contains(r.URL.Path, "ubmissions") || strings.HasSuffix(r.URL.Path, "/invitations") {
				text = numberIDs.ReplaceAllFunc(text, e.opaque)
			}
		}
		maps.Copy(w.Header(), recorder.Header())
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(text) // a client that is cut off reports it
	})
}

// opaque writes an id as Google does.
func (e *echoing) opaque(id []byte) []byte {
	number := string(numberIDs.FindSubmatch(id)[1])
	opaque := base64.RawURLEncoding.EncodeToString([]byte(e.salt + number))
	e.real[opaque] = number
	return []byte(`"id":"` + opaque + `"`)
}

// echo has a refusal say what it was asked for, in its message.
func (e *echoing) echo(text []byte, path string) []byte {
	var body map[string]any
	if json.Unmarshal(text, &body) != nil {
		return text
	}
	if refusal, is := body["error"].(map[string]any); is {
		message, _ := refusal["message"].(string)
		refusal["message"] = strings.Join(append([]string{message, path, "on", e.day, "for guests@elsewhere.example of Elsewhere.example:"}, e.said...), " ")
	}
	text, _ = json.Marshal(body) // it was read from JSON
	return text
}

// TestAnEchoIsNotRecorded records two runs against a provider that says whatever it received: nothing of a tenant, nor of a run,
// is in a recording, and so two are byte-identical.
func TestAnEchoIsNotRecorded(t *testing.T) {
	t.Parallel()
	for _, provider := range fixtures.Providers() {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			var recordings []string
			var own []string // what no recording may have
			for _, e := range []*echoing{{day: "2026-04-30", salt: "first "}, {day: "2026-05-01", salt: "other "}} {
				e.real, e.names = map[string]string{}, map[string]bool{}
				stand, file := standIn(t, server.Options{Wrap: e.wrap})
				folder := t.TempDir()
				s := openSuite(t, provider, options{sandbox: file, provoke: []string{"fixture", "notifies"}, signIn: signInAt(t, stand, file),
					transport: fast, record: folder})
				for _, r := range s.asked() {
					e.begin()
					x, err := s.suite.tenant.Provoke(t.Context(), r, s.callClient)
					if err != nil {
						t.Fatalf("%s: %v", r.Clause.ID, err)
					}
					if err := s.suite.tenant.Record(r.Clause, x, nil); err != nil {
						t.Fatal(err)
					}
					if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				text, err := os.ReadFile(live.RecordingFile(folder, provider))
				if err != nil {
					t.Fatal(err)
				}
				recordings = append(recordings, string(text))
				for name := range e.names {
					own = append(own, name)
				}
				for opaque := range e.real {
					own = append(own, opaque)
				}
				own = append(own, e.day, "elsewhere.example", "Elsewhere.example", "Sam Student")
			}
			if provider == "classroom" && len(own) < 40 || len(own) < 12 {
				t.Fatalf("too little was echoed: %q", own)
			}
			for _, value := range own {
				if at := strings.Index(recordings[0]+recordings[1], value); at >= 0 {
					t.Errorf("a recording has %q: …%.200s…", value, (recordings[0] + recordings[1])[max(0, at-150):])
				}
			}
			first, second := strings.Split(recordings[0], "\n"), strings.Split(recordings[1], "\n")
			for i := range first {
				if i >= len(second) || first[i] != second[i] {
					t.Fatalf("two recordings differ at line %d:\n%s\n%s", i+1, first[i], strings.Join(second[min(i, len(second)):min(i+1, len(second))], ""))
				}
			}
		})
	}
}

// TestARecordingKeepsTheDocumentedWords has somebody be called as a word of the provider's, and a course have the id 400.
func TestARecordingKeepsTheDocumentedWords(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`"fullName":"[^"]*"`)
	d := &drifting{}
	stand, file := standIn(t, server.Options{Wrap: d.wrap})
	rename(t, file, map[string]string{"classroom.outsiderCourse": "400"})
	d.arm(func(a fixtures.Response) fixtures.Response {
		a.Body = named.ReplaceAll(a.Body, []byte(`"fullName":"Entity"`))
		return a
	})
	folder := t.TempDir()
	s := openSuite(t, "classroom", options{sandbox: file, signIn: signInAt(t, stand, file), transport: fast, record: folder})
	before := map[string]report.Outcome{}
	for _, r := range s.asked() {
		if len(r.Given) == 0 {
			continue
		}
		x, err := s.suite.tenant.Provoke(t.Context(), r, s.callClient)
		if err = errors.Join(err, s.suite.tenant.Record(r.Clause, x, nil), s.suite.tenant.CleanUp(t.Context())); err != nil {
			t.Fatal(err)
		}
		before[r.Clause.ID] = s.judged(r, x).outcome
	}
	recorded, err := os.ReadFile(live.RecordingFile(folder, "classroom"))
	if err != nil || !bytes.Contains(recorded, []byte("Requested entity already exists")) {
		t.Errorf("%v: the recording has other words than were responded:\n%s", err, recorded)
	}
	replayed := openSuite(t, "classroom", options{replay: folder})
	if len(before) < 10 {
		t.Fatalf("%d are recorded", len(before))
	}
	for id, outcome := range before {
		clause := replayed.suite.Contract.Clause(id)
		if a := replayed.provoke(t.Context(), replayed.suite.tenant.Recipe(clause)); a.err != nil || a.outcome != outcome {
			t.Errorf("%s was %s, and is replayed as %s, %v\n%s", id, outcome, a.outcome, a.err, a.text)
		}
	}
}

// TestARecordingIsAddedTo records a clause in each of two runs, into one folder.
func TestARecordingIsAddedTo(t *testing.T) {
	t.Parallel()
	stand, file := standIn(t, server.Options{})
	folder := t.TempDir()
	var want []string
	for _, id := range []string{"graph.get.assignment-not-found", "graph.delete.assignment-not-found"} {
		s := openSuite(t, "graph", options{sandbox: file, signIn: signInAt(t, stand, file), transport: fast, record: folder})
		r := s.suite.tenant.Recipe(s.suite.Contract.Clause(id))
		x, err := s.suite.tenant.Provoke(t.Context(), r, s.callClient)
		if err = errors.Join(err, s.suite.tenant.Record(r.Clause, x, r.Clause), s.suite.tenant.CleanUp(t.Context())); err != nil {
			t.Fatal(err)
		}
		want = append(want, id)
	}
	contract, err := fixtures.Load("graph")
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := fixtures.LoadObservedFile(live.RecordingFile(folder, contract.Provider), contract)
	if err != nil || len(recorded) != len(want) {
		t.Fatalf("%v: %v are recorded, want %q", err, recorded, want)
	}
}
