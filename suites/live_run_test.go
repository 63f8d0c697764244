package suites

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// suiteBinary is the compiled suite of a provider, as a user runs it.
func suiteBinary(t *testing.T, provider string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it runs commands of its own, compiled without this run's race detector: leave out -short")
	}
	file := filepath.Join(t.TempDir(), provider+".test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", file, "./"+provider).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// startLive starts a compiled suite against a stand-in, in a process of its own.
func startLive(t *testing.T, binary, provider string, stand *server.Server, sandbox string, flags ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	child := exec.CommandContext(t.Context(), binary, append([]string{"-ginkgo.no-color", "-live", "-sandbox", sandbox}, flags...)...)
	child.Dir = provider
	loaded, err := live.LoadSandbox(sandbox)
	if err != nil {
		t.Fatal(err)
	}
	child.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	for _, identity := range live.Identities(provider) {
		token, _, err := tokenAt(t.Context(), stand, loaded, provider+"/"+identity)
		if err != nil {
			t.Fatal(err)
		}
		child.Env = append(child.Env, live.TokenVariable(provider+"/"+identity)+"="+token)
	}
	output := &bytes.Buffer{}
	child.Stdout, child.Stderr = output, output
	return child, output
}

// TestALiveRunIsRecordedAndReplayed runs Graph's suite as its users do: live twice, with what it leaves behind, and then from
// the recording, without a tenant.
func TestALiveRunIsRecordedAndReplayed(t *testing.T) {
	t.Parallel()
	binary := suiteBinary(t, "graph")
	stand, sandbox := standIn(t, server.Options{})
	before := stand.Inventory()
	var recordings []string
	const counts = `live, as wire: 22 honored, 2 deviating, 17 not asked`
	for _, run := range []string{"first", "second"} {
		folder := t.TempDir()
		child, output := startLive(t, binary, "graph", stand, sandbox, "-provoke", "fixture", "-record", folder,
			"-ginkgo.junit-report", filepath.Join(folder, "junit.xml"), "-ginkgo.json-report", filepath.Join(folder, "report.json"))
		if err := child.Run(); err != nil || !strings.Contains(output.String(), counts) {
			t.Fatalf("the %s run ends with %v, and does not say %q:\n%s", run, err, counts, output)
		}
		text, err := os.ReadFile(filepath.Join(folder, "observed", "graph.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		recordings = append(recordings, string(text))
		for _, artefact := range []string{"junit.xml", "report.json"} {
			if _, err := os.Stat(filepath.Join(folder, artefact)); err != nil {
				t.Error(err)
			}
		}
		if run == "second" {
			replayed, err := exec.CommandContext(t.Context(), binary, "-ginkgo.no-color", "-replay", folder).CombinedOutput()
			if want := strings.Replace(counts, "live", "replay", 1); err != nil || !strings.Contains(string(replayed), want) {
				t.Errorf("the replay ends with %v, and does not say %q:\n%s", err, want, replayed)
			}
		}
	}
	if recordings[0] != recordings[1] {
		t.Errorf("two recordings of an unchanged provider differ:\n%s\n\n%s", recordings[0], recordings[1])
	}
	for _, own := range append(before, stand.Graph) {
		for _, id := range regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|127\.0\.0\.1:\d+`).FindAllString(own, -1) {
			if strings.Contains(recordings[0], id) {
				t.Errorf("the recording has %s", id)
			}
		}
	}
	if after := stand.Inventory(); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("something is left, or gone:\n%s", strings.Join(after, "\n"))
	}
}

// TestAKilledRunIsSwept kills a run at each of its requests, before and after it had its effect: a sweep removes what is left,
// and nothing else. One that is interrupted removes it itself.
func TestAKilledRunIsSwept(t *testing.T) {
	t.Parallel()
	for provider, clause := range map[string]string{
		"graph": "graph.update.fields-empty", "classroom": "classroom.courses.patch.failed-precondition.CourseNotModifiable",
	} {
		binary := suiteBinary(t, provider)
		for _, how := range []struct {
			name   string
			signal os.Signal
			after  bool // the request had its effect
		}{{"killed before", syscall.SIGKILL, false}, {"killed after", syscall.SIGKILL, true}, {"interrupted after", syscall.SIGINT, true}} {
			t.Run(provider+", "+how.name, func(t *testing.T) {
				t.Parallel()
				ends := false
				for at := int32(1); !ends; at++ {
					var child atomic.Pointer[exec.Cmd]
					var served atomic.Int32
					gone := make(chan struct{}) // closed when the run has ended
					end := func() bool {
						running := child.Load()
						if running == nil || served.Add(1) != at {
							return false
						}
						if err := running.Process.Signal(how.signal); err != nil {
							t.Error(err)
						}
						if how.signal == syscall.SIGKILL {
							<-gone // or it would get its answer
						}
						return true
					}
					stand, sandbox := standIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
						return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							if !how.after && end() {
								return // or what the next run's sweep has looked for would be made after it
							}
							next.ServeHTTP(w, r)
							if how.after {
								end()
							}
						})
					}})
					before := strings.Join(stand.Inventory(), "\n")
					command, output := startLive(t, binary, provider, stand, sandbox, "-provoke", "fixture", "-ginkgo.label-filter", "clause:"+clause)
					if err := command.Start(); err != nil {
						t.Fatal(err)
					}
					child.Store(command)
					_ = command.Wait() // how it ended is seen below
					close(gone)
					ends = served.Load() < at
					child.Store(nil)
					if how.signal == syscall.SIGKILL {
						sweep(t, provider, stand, sandbox)
					}
					if after := strings.Join(stand.Inventory(), "\n"); after != before {
						t.Fatalf("at request %d something is left, or gone:\n%s\nwas\n%s\n%s", at, after, before, output)
					}
					if at > 60 {
						t.Fatal("the run does not end")
					}
				}
			})
		}
	}
}

// sweep sweeps a stand-in twice: the second time there is nothing.
func sweep(t *testing.T, provider string, stand *server.Server, file string) {
	t.Helper()
	for _, most := range []int{1, 0} {
		s := Load(t, provider)
		s.Live = &Live{Sandbox: file, SignIn: signInAt(t, stand, file), Options: fast}
		if err := s.open(s.Live); err != nil {
			t.Fatal(err)
		}
		removed, _, err := s.tenant.Sweep(t.Context(), 0)
		if err != nil || len(removed) > most {
			t.Fatalf("the sweep removes %q, %v", removed, err)
		}
	}
}

// TestNoSecretLeaves has a tenant send back the token wherever it can, and looks for it in all that a run says and leaves.
func TestNoSecretLeaves(t *testing.T) {
	t.Parallel()
	binaries := map[string]string{}
	for _, provider := range fixtures.Providers() {
		binaries[provider] = suiteBinary(t, provider)
	}
	for place, plant := range map[string]func(w http.ResponseWriter, token string){
		"a header that is kept": func(w http.ResponseWriter, token string) { w.Header().Set("Request-Id", token) },
		"a header":              func(w http.ResponseWriter, token string) { w.Header().Set("Www-Authenticate", "Bearer "+token) },
		"the address": func(w http.ResponseWriter, token string) {
			w.Header().Set("Location", "https://elsewhere.example/?t="+token)
		},
		"the content type": func(w http.ResponseWriter, token string) {
			w.Header().Set("Content-Type", "application/json; t="+token)
		},
		"Retry-After": func(w http.ResponseWriter, token string) { w.Header().Set("Retry-After", token) },
		"the message": func(w http.ResponseWriter, token string) {
			_, _ = fmt.Fprintf(w, `{"error":{"code":"notFound","message":"token %s"}}`, token)
		},
		"the code": func(w http.ResponseWriter, token string) {
			_, _ = fmt.Fprintf(w, `{"error":{"code":%q,"message":""}}`, token)
		},
		"a key": func(w http.ResponseWriter, token string) {
			_, _ = fmt.Fprintf(w, `{"error":{"code":"notFound","message":"",%q:1}}`, token)
		},
		"HTML": func(w http.ResponseWriter, token string) { _, _ = fmt.Fprintf(w, `<a href="?t=%s">`, token) },
		"escapes": func(w http.ResponseWriter, token string) {
			var escaped strings.Builder
			for _, r := range token {
				fmt.Fprintf(&escaped, `\u%04x`, r)
			}
			_, _ = fmt.Fprintf(w, `{"error":{"code":"notFound","message":"%s"}}`, &escaped)
		},
	} {
		for provider, binary := range binaries {
			t.Run(provider+", "+place, func(t *testing.T) {
				t.Parallel()
				lookForTokens(t, provider, binary, plant)
			})
		}
	}
}

// lookForTokens has a provider plant the token in each answer, its errors' bodies included, and looks for it in all that a run says and leaves.
func lookForTokens(t *testing.T, provider, binary string, plant func(w http.ResponseWriter, token string)) {
	t.Helper()
	var mutex sync.Mutex
	tokens := map[string]bool{}
	secrets, inBody := live.NewSecrets(), false
	stand, sandbox := standIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			mutex.Lock()
			tokens[token] = true
			mutex.Unlock()
			if strings.HasSuffix(r.URL.Path, "/userProfiles/me") { // or nobody is proved, and nothing asked
				next.ServeHTTP(w, r)
				return
			}
			secrets.Add("a token", token)
			answered, planted := httptest.NewRecorder(), httptest.NewRecorder()
			next.ServeHTTP(answered, r)
			plant(planted, token)
			maps.Copy(w.Header(), answered.Header())
			maps.Copy(w.Header(), planted.Header())
			w.WriteHeader(answered.Code)
			if planted.Body.Len() > 0 && answered.Code >= http.StatusBadRequest { // or nothing could be set up
				answered = planted
				mutex.Lock()
				inBody = true
				mutex.Unlock()
			}
			_, _ = w.Write(answered.Body.Bytes()) // a client that is cut off tells
		})
	}})
	folder := t.TempDir()
	child, output := startLive(t, binary, provider, stand, sandbox, "-provoke", "fixture", "-record", folder, "-ginkgo.v",
		"-ginkgo.junit-report", filepath.Join(folder, "junit.xml"), "-ginkgo.json-report", filepath.Join(folder, "report.json"),
		"-report", filepath.Join(folder, "pieces"))
	_ = child.Run() // that it fails is no matter here
	artefacts := map[string]string{"the console": output.String()}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			var text []byte
			text, err = os.ReadFile(path)
			artefacts[path] = string(text)
		}
		return err
	})
	if err != nil || len(tokens) == 0 || !strings.Contains(output.String(), "live, as wire") {
		t.Fatalf("%v, %d tokens\n%s", err, len(tokens), output)
	}
	for token := range tokens {
		if mask := secrets.Scrub(token); inBody && token != "" && !strings.Contains(output.String(), mask) {
			t.Errorf("the console has no %s: was the answer read?", mask)
		}
	}
	for name, text := range artefacts {
		for token := range tokens {
			for part := range strings.SplitSeq(token, ".") { // of a JSON Web Token its signature alone is secret enough
				if len(part) > 8 && strings.Contains(text, part) {
					t.Errorf("%s has the token", name)
				}
			}
		}
	}
}

// TestALiveRunOnManyProcessesAsksOnce runs the suite by the ginkgo command on two processes, from a binary of its own: the
// command compiles into the suite's folder.
func TestALiveRunOnManyProcessesAsksOnce(t *testing.T) {
	t.Parallel()
	var under, most atomic.Int32
	stand, sandbox := standIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			now := under.Add(1)
			defer under.Add(-1)
			for was := most.Load(); now > was && !most.CompareAndSwap(was, now); was = most.Load() {
			}
			next.ServeHTTP(w, r)
		})
	}})
	child, output := startLive(t, "go", "graph", stand, sandbox)
	child.Args = []string{"go", "tool", "ginkgo", "run", "--procs=2", "--no-color", suiteBinary(t, "graph"), "--", "--live", "--sandbox", sandbox}
	if err := child.Run(); err != nil || !strings.Contains(output.String(), "live, as wire: 12 honored, 2 deviating, 27 not asked") {
		t.Errorf("the run ends with %v:\n%s", err, output)
	}
	if served := len(stand.Requests()); most.Load() != 1 || served > 40 {
		t.Errorf("%d requests at once, and %d in all", most.Load(), served)
	}
}

// TestAWrongLiveRunSaysWhy calls the suite as a user may by mistake.
func TestAWrongLiveRunSaysWhy(t *testing.T) {
	t.Parallel()
	binary := suiteBinary(t, "graph")
	empty := filepath.Join(t.TempDir(), "sandbox.yaml")
	if err := os.WriteFile(empty, []byte("graph:\n  tenant: here\n  secret: abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for flags, want := range map[string]string{
		"-live":                                  "engine error: --live needs --sandbox FILE, which names what the run may touch",
		"-sandbox x.yaml":                        "engine error: --sandbox, --provoke and --record are of a live run: add --live",
		"-strict":                                "engine error: --strict is of a live run or a replay, for offline every field binds: add --live or --replay",
		"-live -replay x -sandbox y":             "engine error: --replay has a recording answer, and --live a tenant: take one out",
		"-live -sandbox none.yaml":               "none.yaml: does not exist: copy suites/live/sandbox.example.yaml",
		"-live -sandbox " + empty:                empty + ":2: graph.tenant is not a GUID",
		"-live -provoke never -sandbox " + empty: empty + ":3: graph.secret is not a key of the file: secrets come from the environment",
		"-replay none":                           "none is no recording of a live run of graph: give the folder that --record was given: observed/graph.yaml: cannot be read",
	} {
		out, err := exec.CommandContext(t.Context(), binary, strings.Fields(flags)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s ends with %v, and does not say %q:\n%s", flags, err, want, out)
		}
	}
}
