package suites

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// frontEnd is a way to run the suite of a provider in a process of its own, as its users do.
type frontEnd struct {
	name    string
	build   map[string]func() (file string, err error) // by provider
	ginkgo  bool
	verbose string // the flag
}

// TestLiveRuns runs suites live, each in a process of its own, by both front ends.
func TestLiveRuns(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it runs commands of its own, compiled without this run's race detector: leave out -short")
	}
	folder := t.TempDir() // until the last of them has ended
	build := func(name string) func() (string, error) {
		return sync.OnceValues(func() (string, error) {
			file := filepath.Join(folder, strings.ReplaceAll(name[2:], "/", "-")+".test")
			out, err := exec.CommandContext(context.Background(), "go", "test", "-c", "-o", file, name).CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%s: %w\n%s", name, err, out)
			}
			return file, err
		})
	}
	tests := build("./testdata/live")
	ends := []frontEnd{
		{"ginkgo", map[string]func() (string, error){"graph": build("./graph"), "classroom": build("./classroom")}, true, "-ginkgo.v"},
		{"testing", map[string]func() (string, error){"graph": tests, "classroom": tests}, false, "-test.v"},
	}
	leaky := build("./testdata/leaky")
	plain := frontEnd{"testing, without suites.Run", map[string]func() (string, error){"graph": build("./testdata/plain")}, false, "-test.v"}
	for name, run := range map[string]func(*testing.T, frontEnd){
		"is recorded and replayed": recordedAndReplayed, "killed": killed, "no secret": noSecret, "wrong": wrongFlags,
		"its user's files": usersFiles, "runs nothing": runsNothing, "near its timeout": nearTimeout, "no time": noTime, "its clean-up fails": failedCleanUp, "a proxy": throughProxy,
	} {
		for _, f := range ends {
			t.Run(name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				run(t, f)
			})
		}
	}
	for name, run := range map[string]func(*testing.T, frontEnd){"processes": manyProcesses, "dry run": dryRun, "progress": progressReport, "its starter ends": starterEnds} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, ends[0])
		})
	}
	t.Run("a client that prints", func(t *testing.T) {
		t.Parallel()
		printsResponses(t, leaky)
	})
	t.Run("without suites.Run", func(t *testing.T) {
		t.Parallel()
		withoutRun(t, plain)
	})
}

// selecting are the flags that select a clause of a provider, all if it is empty.
func (f frontEnd) selecting(provider, clause string) []string {
	test := map[string]string{"graph": "^TestGraph$", "classroom": "^TestClassroom$"}[provider]
	switch {
	case f.ginkgo && clause == "":
		return []string{"-ginkgo.no-color"}
	case f.ginkgo:
		return []string{"-ginkgo.no-color", "-ginkgo.label-filter", "clause:" + clause}
	case clause != "":
		test += "/^" + regexp.QuoteMeta(clause) + "$"
	}
	return []string{"-test.v", "-test.run", test}
}

// command is a run of a provider's suite, in a process of its own.
func (f frontEnd) command(t *testing.T, provider, clause string, flags ...string) (child *exec.Cmd, output *bytes.Buffer) {
	t.Helper()
	file, err := f.build[provider]()
	if err != nil {
		t.Fatal(err)
	}
	child = exec.CommandContext(t.Context(), file, append(f.selecting(provider, clause), flags...)...)
	child.Dir = provider
	child.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	output = &bytes.Buffer{}
	child.Stdout, child.Stderr = output, output
	return child, output
}

// live is a run against a stand-in.
func (f frontEnd) live(t *testing.T, provider, clause string, stand *server.Server, sandbox string, flags ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	child, output := f.command(t, provider, clause, append([]string{"-live", "-sandbox", sandbox}, flags...)...)
	child.Env = append(child.Env, tokensOf(t, provider, stand, sandbox)...)
	return child, output
}

// tokensOf are ready-made tokens of a provider's identities, as variables of the environment.
func tokensOf(t *testing.T, provider string, stand *server.Server, sandbox string) (env []string) {
	t.Helper()
	loaded, err := live.LoadSandbox(sandbox)
	if err != nil {
		t.Fatal(err)
	}
	for _, identity := range live.Identities(provider) {
		token, _, err := tokenAt(t.Context(), stand, loaded, provider+"/"+identity)
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, live.TokenVariable(provider+"/"+identity)+"="+token)
	}
	return env
}

// recordedAndReplayed runs Graph's suite live twice, and then from the recording, without a tenant.
func recordedAndReplayed(t *testing.T, f frontEnd) {
	t.Helper()
	stand, sandbox := standIn(t, server.Options{})
	before := stand.Inventory()
	var recordings []string
	const counts = `live, as wire: 22 honored, 2 deviating, 17 not run`
	for _, run := range []string{"first", "second"} {
		folder := t.TempDir()
		flags := []string{"-provoke", "fixture", "-record", folder, "-report", filepath.Join(folder, "reports")}
		if f.ginkgo {
			flags = append(flags, "-ginkgo.junit-report", filepath.Join(folder, "junit.xml"), "-ginkgo.json-report", filepath.Join(folder, "report.json"))
		}
		child, output := f.live(t, "graph", "", stand, sandbox, flags...)
		if err := child.Run(); err != nil || !strings.Contains(output.String(), counts) {
			t.Fatalf("the %s run ends with %v, and does not say %q:\n%s", run, err, counts, output)
		}
		text, err := os.ReadFile(live.RecordingFile(folder, "graph"))
		if err != nil {
			t.Fatal(err)
		}
		recordings = append(recordings, string(text))
		for _, artefact := range []string{"junit.xml", "report.json"} {
			if _, err := os.Stat(filepath.Join(folder, artefact)); err != nil && f.ginkgo {
				t.Error(err)
			}
		}
		if reports, err := os.ReadDir(filepath.Join(folder, "reports")); err != nil || len(reports) != 2 {
			t.Errorf("the run's report, or its audit, is missing: %v %v", reports, err)
		}
		if run == "first" {
			continue
		}
		replayed, output := f.command(t, "graph", "", "-replay", folder)
		want := strings.Replace(counts, "live", "replay", 1)
		if err := replayed.Run(); err != nil || !strings.Contains(output.String(), want) {
			t.Errorf("the replay ends with %v, and does not say %q:\n%s", err, want, output)
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
	if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
		t.Errorf("%s", strings.Join(changed, "\n"))
	}
}

// killed ends a run after its first request, each that changes the tenant, and its last: after another the tenant is as after the one
// before. Of a run that is killed a sweep removes what is left, and nothing else. A run that is interrupted removes it itself.
func killed(t *testing.T, f frontEnd) {
	t.Helper()
	for provider, clause := range map[string]string{
		"graph": "graph.update.fields-empty", "classroom": "classroom.courses.patch.failed-precondition.CourseNotModifiable",
	} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			requests := endedAfter(t, f, provider, clause, nil, -1)
			for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
				if !slices.Contains(requests, method) {
					t.Fatalf("the run sends no %s: %q", method, requests)
				}
			}
			for at, method := range requests {
				if at > 0 && at < len(requests)-1 && method == http.MethodGet {
					continue
				}
				if f.ginkgo || method != http.MethodGet { // what an interruption comes to is each front end's own
					endedAfter(t, f, provider, clause, syscall.SIGINT, at)
				}
				if method == http.MethodPost { // it becomes another interruption
					endedAfter(t, f, provider, clause, syscall.SIGHUP, at)
				}
				if f.ginkgo { // killed, no front end runs any more
					endedAfter(t, f, provider, clause, syscall.SIGKILL, at)
				}
			}
		})
	}
}

// endedAfter sends a run a signal when one of its requests has had its effect, and returns the methods of all requests.
func endedAfter(t *testing.T, f frontEnd, provider, clause string, signal os.Signal, at int) (requests []string) {
	t.Helper()
	var child atomic.Pointer[exec.Cmd]
	var mutex sync.Mutex
	gone := make(chan struct{}) // closed when the run has ended
	stand, sandbox := standIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			running := child.Load()
			if running == nil {
				return
			}
			mutex.Lock()
			requests = append(requests, r.Method)
			reached := len(requests) == at+1
			mutex.Unlock()
			if !reached {
				return
			}
			if err := running.Process.Signal(signal); err != nil {
				t.Error(err)
			}
			var patience <-chan time.Time
			if signal != syscall.SIGKILL {
				patience = time.After(time.Second)
			}
			select { // or it would get its response, and go on before it gets the signal
			case <-gone:
			case <-r.Context().Done(): // an interrupted run gave the request up
			case <-patience: // a request of the clean-up, which an interruption does not end
			}
		})
	}})
	before := stand.Inventory()
	command, output := f.live(t, provider, clause, stand, sandbox, "-provoke", "fixture")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	child.Store(command)
	err := command.Wait()
	close(gone)
	child.Store(nil)
	mutex.Lock()
	defer mutex.Unlock()
	if removes := slices.Index(requests, http.MethodDelete); signal != nil && err == nil && at < removes {
		t.Errorf("a run that was ended after request %d of %q passes:\n%s", at+1, requests, output)
	}
	if signal == syscall.SIGKILL {
		sweep(t, provider, stand, sandbox)
	}
	if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
		t.Fatalf("%v after request %d of %q:\n%s\n%s", signal, at+1, requests, strings.Join(changed, "\n"), output)
	}
	return requests
}

// sweep sweeps a stand-in twice: the second time there is nothing.
func sweep(t *testing.T, provider string, stand *server.Server, file string) {
	t.Helper()
	for _, most := range []int{1, 0} {
		s := openSuite(t, provider, options{sandbox: file, signIn: signInAt(t, stand, file), transport: fast})
		swept, err := s.suite.tenant.Sweep(t.Context(), 0, true)
		if err != nil || len(swept.Left) > most || len(swept.Spared) > 0 {
			t.Fatalf("the sweep removes %q, and spares %q, %v", swept.Left, swept.Spared, err)
		}
	}
}

// noSecret has a tenant send back the token wherever it can, and looks for it in all that a run says and leaves.
func noSecret(t *testing.T, f frontEnd) {
	t.Helper()
	for place, plant := range map[string]func(w http.ResponseWriter, token string){
		"the headers": func(w http.ResponseWriter, token string) {
			for name, value := range map[string]string{
				"Request-Id": token, "Www-Authenticate": "Bearer " + token, "Location": "https://elsewhere.example/?t=" + token,
				"Content-Type": "application/json; t=" + token, "Retry-After": token,
			} {
				w.Header().Set(name, value)
			}
		},
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
		for _, provider := range fixtures.Providers() {
			if provider == "classroom" && !f.ginkgo || place != "the headers" && place != "the message" && (provider == "classroom" || !f.ginkgo) {
				continue // what masks it is the same
			}
			t.Run(provider+", "+place, func(t *testing.T) {
				t.Parallel()
				lookForTokens(t, f, provider, plant)
			})
		}
	}
}

// lookForTokens has a provider plant the token in each response, its errors' bodies included, and looks for it in all that a run says and leaves.
func lookForTokens(t *testing.T, f frontEnd, provider string, plant func(w http.ResponseWriter, token string)) {
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
			responded, planted := httptest.NewRecorder(), httptest.NewRecorder()
			next.ServeHTTP(responded, r)
			plant(planted, token)
			maps.Copy(w.Header(), responded.Header())
			maps.Copy(w.Header(), planted.Header())
			w.WriteHeader(responded.Code)
			if planted.Body.Len() > 0 && responded.Code >= http.StatusBadRequest { // or nothing could be set up
				responded = planted
				mutex.Lock()
				inBody = true
				mutex.Unlock()
			}
			_, _ = w.Write(responded.Body.Bytes()) // a client that is cut off reports it
		})
	}})
	folder := t.TempDir()
	flags := []string{"-record", folder, "-report", filepath.Join(folder, "reports"), f.verbose}
	if f.ginkgo {
		flags = append(flags, "-ginkgo.junit-report", filepath.Join(folder, "junit.xml"), "-ginkgo.json-report", filepath.Join(folder, "report.json"))
	}
	if provider == "graph" {
		flags = append(flags, "-provoke", "fixture")
	}
	child, output := f.live(t, provider, "", stand, sandbox, flags...)
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
			t.Errorf("the console has no %s: was the response read?", mask)
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

// manyProcesses runs the suite by the ginkgo command on two processes: requests are sent one at a time, and once.
func manyProcesses(t *testing.T, f frontEnd) {
	t.Helper()
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
	suite, err := f.build["graph"]()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), "go", "tool", "ginkgo", "run", "--procs=2", "--no-color", suite, "--", "--live", "--sandbox", sandbox)
	child.Env = append(os.Environ(), tokensOf(t, "graph", stand, sandbox)...)
	output, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "live, as wire: 12 honored, 2 deviating, 27 not run") {
		t.Errorf("the run ends with %v:\n%s", err, output)
	}
	if served := len(stand.Requests()); most.Load() != 1 || served > 40 {
		t.Errorf("%d requests at once, and %d in all", most.Load(), served)
	}
}

// wrongFlags runs the suite as a user may by mistake.
func wrongFlags(t *testing.T, f frontEnd) {
	t.Helper()
	wrong := filepath.Join(t.TempDir(), "sandbox.yaml")
	if err := os.WriteFile(wrong, []byte("graph:\n  tenant: here\n  secret: abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for flags, want := range map[string]string{
		"-live":                                  "engine error: --live needs --sandbox FILE, which names what the run may touch",
		"-sandbox x.yaml":                        "engine error: --sandbox, --provoke and --record are of a live run: add --live",
		"-strict":                                "engine error: --strict is of a live run or a replay, for offline every field binds: add --live or --replay",
		"-live -replay x -sandbox y":             "engine error: --replay has a recording respond, and --live a tenant: take one out",
		"-live -sandbox none.yaml":               "none.yaml: does not exist: copy suites/live/sandbox.example.yaml",
		"-live -sandbox " + wrong:                wrong + ":2: graph.tenant is not a GUID",
		"-live -provoke never -sandbox " + wrong: wrong + ":3: graph.secret is not a key of the file: secrets come from the environment",
		"-replay none":                           "none is no recording of a live run of graph: give the folder that --record was given: ",
	} {
		child, output := f.command(t, "graph", "", strings.Fields(flags)...)
		if err := child.Run(); err == nil || !strings.Contains(output.String(), want) {
			t.Errorf("%s ends with %v, and does not say %q:\n%s", flags, err, want, output)
		}
	}
}

// usersFiles records into a folder that has something else, which stays as it is: nothing is run.
func usersFiles(t *testing.T, f frontEnd) {
	t.Helper()
	stand, sandbox := standIn(t, server.Options{})
	for _, name := range []string{"notes.txt", "graph.yaml", "classroom.yaml"} {
		folder := t.TempDir()
		file := filepath.Join(folder, "observed", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		const old = "observed: [] # an old token: eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
		if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
		child, output := f.live(t, "graph", "graph.get.assignment-not-found", stand, sandbox, "-record", folder, "-report", folder)
		sent := len(stand.Requests())
		want := "--record: no run has written " + file + ": name a new folder, or that of an earlier recording, which is added to"
		if err := child.Run(); err == nil || !strings.Contains(output.String(), want) || len(stand.Requests()) > sent {
			t.Errorf("it ends with %v, after %d requests, and does not say %q\n%s", err, len(stand.Requests())-sent, want, output)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != old {
			t.Errorf("the user's file is %q, %v\n%s", text, err, output)
		}
	}
}

// runsNothing names a tenant and nothing in it.
func runsNothing(t *testing.T, f frontEnd) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sandbox.yaml")
	if err := os.WriteFile(file, []byte("graph:\n  tenant: 3f1c9a52-7d0e-4b8e-9a57-0c6d2e41b7aa\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	child, output := f.command(t, "graph", "", "-live", "-sandbox", file)
	if err := child.Run(); err == nil || !strings.Contains(output.String(), "this run does not test what it claims to: nothing was run") {
		t.Errorf("it ends with %v:\n%s", err, output)
	}
}

// failedCleanUp has a tenant remove nothing: the run fails beside the verdict.
func failedCleanUp(t *testing.T, f frontEnd) {
	t.Helper()
	stand, sandbox := standIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodDelete {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	reports := t.TempDir()
	child, output := f.live(t, "graph", "graph.update.fields-empty", stand, sandbox, "-provoke", "fixture", "-report", reports)
	err := child.Run()
	for _, want := range []string{"may be left, and go tool contract sweep --sandbox", "left behind: activity learncontract-"} {
		if err == nil || !strings.Contains(output.String(), want) {
			t.Errorf("it ends with %v, and does not say %q:\n%s", err, want, output)
		}
	}
	files, err := filepath.Glob(filepath.Join(reports, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if text, err := os.ReadFile(files[0]); err != nil || !strings.Contains(string(text), "left behind") || !strings.Contains(string(text), `"engine"`) {
		t.Errorf("the run's report is %s, %v", text, err)
	}
}

// throughProxy has a run, and what it starts to sign in, use the environment's proxy, although package offline is linked.
func throughProxy(t *testing.T, f frontEnd) {
	t.Helper()
	var mutex sync.Mutex
	var tunnels []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		tunnels = append(tunnels, r.Method+" "+r.Host)
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	address := strings.Replace(proxy.URL, "http://", "http://user:a-proxys-password@", 1)
	const tenant = "3f1c9a52-7d0e-4b8e-9a57-0c6d2e41b7aa"
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"tid":"` + tenant + `","aud":"https://graph.microsoft.com","appid":"` + tenant + `","roles":["LearningAssignedCourse.ReadWrite.All"]}`))
	folder := t.TempDir()
	seen := filepath.Join(folder, "seen")
	script := "#!/bin/sh\nprintf %s \"$HTTPS_PROXY\" > '" + seen + "'\necho '{\"token\":\"e30." + claims + ".c2ln\"}'\n"
	for name, text := range map[string]string{
		"signin":       script,
		"sandbox.yaml": "graph: {tenant: " + tenant + ", app: {clientID: " + tenant + "}}\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o700); err != nil { //nolint:gosec // one is a program
			t.Fatal(err)
		}
	}
	child, output := f.command(t, "graph", "graph.get.assignment-not-found", f.verbose, "-live", "-sandbox", filepath.Join(folder, "sandbox.yaml"))
	child.Env = append(child.Env, "HTTPS_PROXY="+address, "https_proxy=", "NO_PROXY=", "no_proxy=", "LEARNCONTRACT_SIGNIN="+filepath.Join(folder, "signin"))
	err := child.Run()
	if err == nil || len(tunnels) == 0 || tunnels[0] != "CONNECT graph.microsoft.com:443" {
		t.Errorf("it ends with %v, and the proxy was sent %q:\n%s", err, tunnels, output)
	}
	if text, err := os.ReadFile(seen); err != nil || string(text) != address {
		t.Errorf("what signs in has the proxy %q, %v", text, err)
	}
	if strings.Contains(output.String(), "a-proxys-password") {
		t.Errorf("the proxy's password is printed:\n%s", output)
	}
}

// dryRun asks Ginkgo to run nothing.
func dryRun(t *testing.T, f frontEnd) {
	t.Helper()
	stand, sandbox := standIn(t, server.Options{})
	child, output := f.live(t, "graph", "", stand, sandbox, "-ginkgo.dry-run")
	if err := child.Run(); err != nil || !strings.Contains(output.String(), "dry run, nothing called") || len(stand.Requests()) > 1+len(live.Identities("graph")) {
		t.Errorf("it ends with %v, after %d requests:\n%s", err, len(stand.Requests()), output)
	}
}

// progressReport has a run wait, and asks Ginkgo what for.
func progressReport(t *testing.T, f frontEnd) {
	t.Helper()
	var throttled atomic.Bool
	stand, sandbox := standIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if throttled.CompareAndSwap(false, true) {
				w.Header().Set("Retry-After", "2")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	child, output := f.live(t, "graph", "graph.get.assignment-not-found", stand, sandbox, "-ginkgo.poll-progress-after=500ms")
	if err := child.Run(); err != nil || !strings.Contains(output.String(), "s, as 127.0.0.1:") {
		t.Errorf("it ends with %v, and does not say what it waits for:\n%s", err, output)
	}
}

// withoutRun gives the flags their prefix, for there is no TestMain.
func withoutRun(t *testing.T, f frontEnd) {
	t.Helper()
	stand, sandbox := standIn(t, server.Options{})
	child, output := f.command(t, "graph", "", "-learncontract.live", "-learncontract.sandbox", sandbox)
	child.Env = append(child.Env, tokensOf(t, "graph", stand, sandbox)...)
	if err := child.Run(); err != nil || !strings.Contains(output.String(), "live, as wire: 12 honored, 2 deviating, 27 not run") {
		t.Errorf("it ends with %v:\n%s", err, output)
	}
}

// nearTimeout gives go test less time than the run takes: it cleans up before it is killed.
func nearTimeout(t *testing.T, f frontEnd) {
	t.Helper()
	stand, sandbox := standIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPatch {
				<-r.Context().Done() // until the run gives up
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	before := stand.Inventory()
	child, output := f.live(t, "graph", "graph.update.fields-empty", stand, sandbox, "-provoke", "fixture", "-test.timeout", "8s")
	err := child.Run()
	changed := changedInventory(before, stand.Inventory())
	if err == nil || strings.Contains(output.String(), "panic: test timed out") || len(changed) > 0 {
		t.Errorf("it ends with %v, and has changed %q:\n%s", err, changed, output)
	}
}

// noTime gives a run at a real tenant's pace less time than a clean-up may take: it calls nothing, and reports that.
func noTime(t *testing.T, f frontEnd) {
	t.Helper()
	stand, sandbox := standIn(t, server.Options{})
	text, err := os.ReadFile(sandbox)
	if err == nil { // without ca it is no stand-in
		err = os.WriteFile(sandbox, regexp.MustCompile(`(?m)^ca:.*$`).ReplaceAll(text, nil), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	reports := t.TempDir()
	for _, flags := range [][]string{{"-test.timeout", "10s"}, {"-test.timeout", "0", "-ginkgo.timeout", "10s"}}[:map[bool]int{true: 2, false: 1}[f.ginkgo]] {
		child, output := f.command(t, "graph", "", append([]string{"-live", "-sandbox", sandbox, "-report", reports}, flags...)...)
		const want = "imeout=10s leaves this run "
		if err := child.Run(); err == nil || !strings.Contains(strings.Replace(output.String(), "timeout leaves", "timeout=10s leaves", 1), want) {
			t.Errorf("%q ends with %v, and does not say %q:\n%s", flags, err, want, output)
		}
	}
	if requests := stand.Requests(); len(requests) > 0 {
		t.Errorf("it sent %v", requests)
	}
	files, err := filepath.Glob(filepath.Join(reports, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if text, err := os.ReadFile(files[0]); err != nil || !strings.Contains(string(text), "may take") {
		t.Errorf("the run's report is %s, %v", text, err)
	}
}

// starterEnds kills the command that has started the suite, when that has made something: the suite cleans up, although nobody reads
// what it prints.
func starterEnds(t *testing.T, f frontEnd) {
	t.Helper()
	for _, procs := range []string{"1", "2"} {
		t.Run(procs, func(t *testing.T) {
			t.Parallel()
			var starter atomic.Pointer[exec.Cmd]
			var once sync.Once
			stand, sandbox := standIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					next.ServeHTTP(w, r)
					if r.Method != http.MethodPost {
						return
					}
					once.Do(func() { _ = starter.Load().Process.Kill() }) // it may have ended
					<-r.Context().Done()                                  // until the suite gives up
				})
			}})
			before := stand.Inventory()
			suite, err := f.build["graph"]()
			if err != nil {
				t.Fatal(err)
			}
			open, inherited, err := os.Pipe() // its end is that of all who inherit it
			if err != nil {
				t.Fatal(err)
			}
			child := exec.CommandContext(t.Context(), "go", "tool", "ginkgo", "run", "--procs="+procs, suite, "--", "--live", "--sandbox", sandbox)
			child.Env = append(os.Environ(), tokensOf(t, "graph", stand, sandbox)...)
			child.ExtraFiles = []*os.File{inherited}
			starter.Store(child)
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			_ = inherited.Close()
			_ = child.Wait() // it was killed
			if _, err := io.Copy(io.Discard, open); err != nil {
				t.Error(err)
			}
			if changed := changedInventory(before, stand.Inventory()); len(changed) > 0 {
				t.Errorf("left behind: %s", strings.Join(changed, "\n"))
			}
			posts := 0
			for _, r := range stand.Requests() {
				if r.API == "graph" && r.Method == http.MethodPost {
					posts++
				}
			}
			if posts != 1 {
				t.Errorf("%d requests to make something were sent", posts)
			}
		})
	}
}

// printsResponses runs a client that prints every response, of a provider that echoes the token: the run fails, no artefact has the
// token, and the console says why.
func printsResponses(t *testing.T, build func() (string, error)) {
	t.Helper()
	suite, err := build()
	if err != nil {
		t.Fatal(err)
	}
	for _, procs := range []string{"1", "2"} {
		for _, by := range []string{"stdout", "GinkgoWriter"} {
			t.Run(procs+", "+by, func(t *testing.T) {
				t.Parallel()
				stand, sandbox := standIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("X-Echo", r.Header.Get("Authorization"))
						next.ServeHTTP(w, r)
					})
				}})
				folder := t.TempDir()
				child := exec.CommandContext(t.Context(), "go", "tool", "ginkgo", "run", "-v", "--procs="+procs, "--no-color", "--json-report=report.json", "--output-dir="+folder,
					"--label-filter=clause:graph.get.assignment-not-found", suite, "--", "--live", "--sandbox", sandbox)
				child.Env = append(append(os.Environ(), "LEAKY="+by), tokensOf(t, "graph", stand, sandbox)...)
				output, err := child.CombinedOutput()
				if procs == "1" && by == "stdout" { // which is printed, and not kept
					return
				}
				if err == nil || !strings.Contains(string(output), "its file was removed: ") ||
					!strings.Contains(string(output), "remove it there, revoke the secret") {
					t.Errorf("it ends with %v, and does not say why:\n%s", err, output)
				}
				err = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
					if err != nil || entry.IsDir() {
						return err
					}
					text, err := os.ReadFile(path)
					if bytes.Contains(text, []byte("Bearer ey")) {
						t.Errorf("%s has the token", path)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}
