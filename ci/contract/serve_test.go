package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// serving serves the contracts on a free port until the test ends, and returns where.
func serving(t *testing.T, contracts []*fixtures.Contract) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	said, saying := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := serve(ctx, saying, "127.0.0.1:0", contracts)
		_ = saying.CloseWithError(io.EOF) // it has no error
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return listening(t, said)
}

var listens = regexp.MustCompile(`^curl (http://\S+)/ `)

// listening reads what a server says until it says where it listens, and has it say the rest to nobody.
func listening(t *testing.T, said io.Reader) (address string) {
	t.Helper()
	lines := bufio.NewReader(said)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the server ended without saying where it listens: %q, %v", line, err)
		}
		if found := listens.FindStringSubmatch(line); found != nil {
			go func() { _, _ = io.Copy(io.Discard, lines) }()
			return found[1]
		}
	}
}

func prefer(_ int, name string) (field, value string) { return "Prefer", "clause=" + name }

// A client that prefers a wording gets it as documented, and an error if no wording has the id.
func TestServeReturnsWhatIsPreferred(t *testing.T) {
	all := contracts(t)
	address := serving(t, all)
	for _, c := range all {
		for _, o := range c.Operations {
			call := caller{t: t, base: address + basePath(c), operation: o}
			for _, clause := range o.Clauses {
				for _, w := range clause.Wordings {
					call.wantWording(w, prefer)
				}
			}
			call.wantRejected(prefer(0, "no.such.clause"))
		}
	}
}

// Without a preference an operation returns its wordings in turn, then its success, and then starts over.
func TestServeWalks(t *testing.T) {
	all := contracts(t)
	address := serving(t, all)
	for range 2 {
		for _, c := range all {
			for _, o := range c.Operations {
				call := caller{t: t, base: address + basePath(c), operation: o}
				for _, clause := range o.Clauses {
					for _, w := range clause.Wordings {
						call.wantWording(w, func(int, string) (string, string) { return "Prefer", "return=minimal" })
					}
				}
				call.wantSuccess()
			}
		}
	}
}

// Each listed command line gets the error that it names.
func TestServeListsWhatItReturns(t *testing.T) {
	all := contracts(t)
	address := serving(t, all)
	list := get(t, address+"/", "Accept", "*/*").body
	commands := regexp.MustCompile(`curl -i -X (\S+) -H '(Prefer): (clause=(\S+))' '(\S+)'`).FindAllStringSubmatch(list, -1)
	if want := len(clauses(all)); len(commands) != want {
		t.Fatalf("there are %d command lines, want one a clause, %d", len(commands), want)
	}
	for _, c := range commands {
		response := send(t, c[1], c[5], c[2], c[3])
		if name := response.header.Get(chooser); !strings.HasPrefix(name, c[4]) || response.status < 400 {
			t.Errorf("%s\ngets %d, of %q", c[0], response.status, name)
		}
	}

	first := contracts(t, "graph")
	first[0].Operations = first[0].Operations[:1]
	first[0].Operations[0].Clauses = only(t, "graph.create.fields-invalid", "graph.create.throttled")
	address = serving(t, first)
	list = get(t, address+"/", "Accept", "").body
	golden(t, "serve", "list", strings.ReplaceAll(list, address, "http://127.0.0.1:PORT"))
	response := get(t, address+"/", "Accept", "text/html, application/json;q=0.9")
	want := texted(t, func(w io.Writer) error { return writeJSON(w, clauses(first)) })
	if response.body != want || response.header.Get("Content-Type") != jsonMedia {
		t.Errorf("as JSON, of type %q, is listed\n%s\nwant\n%s", response.header.Get("Content-Type"), response.body, want)
	}
}

// A path with a verb is not taken for one whose parameter ends so.
func TestServeTellsVerbsFromParameters(t *testing.T) {
	c := &fixtures.Contract{BaseURL: "https://example.com/base"}
	for id, path := range map[string]string{
		"things.update": "/things/{id}", "things.close": "/things/{id}:close", "things.find": "/things.find(name='{name}')",
	} {
		success := fixtures.Success{Status: http.StatusOK}
		c.Operations = append(c.Operations, &fixtures.Operation{Contract: c, ID: id, Method: "POST", Path: path, Success: success})
	}
	address := serving(t, []*fixtures.Contract{c})
	for path, want := range map[string]string{
		"/things/7": "things.update", "/things/a:b": "things.update", "/things/7:close": "things.close",
		"/things.find(name='a')": "things.find", "/thingsXfind(name='a')": "", "/things/7/8": "", "/more/things/7": "",
	} {
		if name := send(t, "POST", address+"/base"+path, "Prefer", "").header.Get(chooser); name != want {
			t.Errorf("%s gets %q, want %q", path, name, want)
		}
	}
}

func TestServeReadsThePreference(t *testing.T) {
	const path = "/v1.0/employeeExperience/learningCourseActivities/any-id"
	address := serving(t, contracts(t))
	for _, c := range []struct{ prefer, want string }{
		{"clause=graph.get.throttled#text", "graph.get.throttled#text"},
		{"clause=graph.get.throttled", "graph.get.throttled#error"}, // its first wording
		{`return=minimal, Clause = "graph.get.throttled#text"; really`, "graph.get.throttled#text"},
		{"clause=graph.get.throttled#text, clause=graph.get.throttled#error", "graph.get.throttled#text"}, // the first counts
	} {
		if name := get(t, address+path, "Prefer", c.prefer).header.Get(chooser); name != c.want {
			t.Errorf("Prefer: %s gets %q, want %q", c.prefer, name, c.want)
		}
	}
}

// A clause is found among whatever else is preferred, quoted or not.
func FuzzPreferred(f *testing.F) {
	f.Add("return=minimal", "graph.get.throttled@second#text")
	f.Add(`wait=5; clause=no, "`, "graph.get.throttled")
	f.Fuzz(func(t *testing.T, other, id string) {
		if strings.ContainsAny(id, "\",;") || strings.TrimSpace(id) != id || id == "" {
			t.Skip("no id has these")
		}
		for _, clause := range []string{"clause=" + id, `Clause = "` + id + `"; really`} {
			header := http.Header{"Prefer": {clause, other}}
			if preferred := preferred(header); preferred != id {
				t.Errorf("of %q is preferred %q, want %q", header, preferred, id)
			}
			_ = preferred(http.Header{"Prefer": {other, clause}})
		}
	})
}

// A request without a documented response gets the reason, in a text that is no error of a provider.
func TestServeRejects(t *testing.T) {
	const path = "/v1.0/employeeExperience/learningCourseActivities/any-id"
	address := serving(t, contracts(t))
	for _, c := range []struct {
		method, path, prefer string
		status               int
		want                 string
	}{
		{"GET", "/v2/courses", "", 404, "no operation has the path: GET / lists all"},
		{"GET", path + "/more", "", 404, "no operation has the path: GET / lists all"},
		{"GET", "/v1/courses/a%2Fb", "clause=quux", 422, `no clause has the id "quux": go tool contract list prints all ids`},
		{"POST", path, "", 405, "the path takes GET, and not POST: GET / lists all"},
		{"POST", "/", "", 404, "no operation has the path: GET / lists all"},
		{"PUT", "/v1/courses/1/announcements/2", "", 405, "the path takes DELETE, GET or PATCH, and not PUT: GET / lists all"},
		{"POST", "/v1/courses/1/announcements/2:modifyAssignee", "", 405, "the path takes DELETE, GET or PATCH, and not POST: GET / lists all"},
		{
			"GET", path, "clause=graph.get.throtled", 422,
			`no clause has the id "graph.get.throtled": did you mean graph.get.throttled? go tool contract list prints all ids`,
		},
		{
			"GET", path, "clause=graph.update.throttled", 422,
			"graph.update.throttled is an error of graph.update, and the request calls graph.get: GET / lists the errors of both",
		},
	} {
		response := send(t, c.method, address+c.path, "Prefer", c.prefer)
		if want := "contract serve: " + c.want + "\n"; response.status != c.status || response.body != want {
			t.Errorf("%s %s gets %d\n%swant\n%s", c.method, c.path, response.status, response.body, want)
		}
	}
}

// An address that other machines can reach is rejected, and so is one that cannot be listened on.
func TestServeRejectsAnAddress(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }() // nothing was written to it
	for address, want := range map[string]string{
		"0.0.0.0:8080":          "--address 0.0.0.0:8080 can be reached by other machines: use 127.0.0.1:8080 or [::1]:8080",
		":8080":                 "--address :8080 can be reached by other machines: use 127.0.0.1:8080 or [::1]:8080",
		"[::]:0":                "--address [::]:0 can be reached by other machines: use 127.0.0.1:0 or [::1]:0",
		"example.com:80":        "--address example.com:80 can be reached by other machines: use 127.0.0.1:80 or [::1]:80",
		"127.0.0.1":             `--address "127.0.0.1" is no HOST:PORT, such as 127.0.0.1:8080`,
		taken.Addr().String():   "--address " + taken.Addr().String() + " cannot be listened on (listen tcp ",
		"localhost:no-such-one": "--address localhost:no-such-one cannot be listened on (listen tcp",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // for one that is listened on
		if err := serve(ctx, io.Discard, address, nil); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the error is\n%v\nwant\n%s", err, want)
		}
		cancel()
	}
	status, _, stderr := contract("serve", "--address", "here")
	if want := "contract: --address \"here\" is no HOST:PORT, such as 127.0.0.1:8080\n"; status != 2 || stderr != want {
		t.Errorf("exit status %d, want 2; %swant\n%s", status, stderr, want)
	}
}

// The command itself says where it listens, a line for each request, and stops on Ctrl-C without an error.
func TestServeStops(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs commands of its own, compiled without this run's race detector: leave out -short")
	}
	file := filepath.Join(t.TempDir(), "contract")
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", file, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	command := exec.CommandContext(t.Context(), file, "serve")
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr, stdout bytes.Buffer
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(time.Minute, func() { _ = command.Process.Kill() }) // then it has no exit status 0
	defer stuck.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		stdout.WriteString(lines.Text() + "\n")
		if found := listens.FindStringSubmatch(lines.Text()); found != nil {
			response := get(t, found[1]+"/v1/courses/1?updateMask=secret", "Prefer", "clause=classroom.courses.get.not-found")
			if response.status != http.StatusNotFound {
				t.Errorf("the response has the status %d", response.status)
			}
		}
		if strings.HasPrefix(lines.Text(), "GET ") {
			if err := command.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
		}
	}
	if err := command.Wait(); err != nil || stderr.Len() > 0 {
		t.Errorf("the command ended with %v: %s", err, stderr.String())
	}
	golden(t, "serve", "said", regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(stdout.String(), "127.0.0.1:PORT"))
}

// received is a response with its body read.
type received struct {
	status int
	header http.Header
	body   string
}

func get(t *testing.T, address, field, value string) received {
	t.Helper()
	return send(t, http.MethodGet, address, field, value)
}

// send sends a request with one header field.
func send(t *testing.T, method, address, field, value string) received {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set(field, value)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	x, err := exchange.Capture(response)
	if err != nil {
		t.Fatal(err)
	}
	return received{response.StatusCode, response.Header, string(x.Body())}
}
