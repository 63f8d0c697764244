package libraries_test

import (
	"maps"
	"net/http"
	"os"
	"slices"
	"testing"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/graph"
)

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

// subject is a client that is right.
type subject struct {
	config client.Config
	waits  string // for what the suites have not yet, without which they would accuse it; empty for nothing
}

// subjects are the clients, by what they are built on.
func subjects() []subject {
	return slices.Concat(ofNetHTTP(), ofRequesters(), ofRetriers(), dialling())
}

// operations are those that the clients are checked by. Of Classroom's they are a few of every kind: all take each client a minute.
var operations = []string{
	"graph.create", "graph.get", "graph.update", "graph.delete",
	"classroom.courses.create", "classroom.courses.get", "classroom.courses.list", "classroom.courses.patch",
	"classroom.courses.aliases.delete", "classroom.courses.teachers.delete", "classroom.invitations.accept",
}

func TestGraph(t *testing.T) { test(t, graph.Test) }

func TestClassroom(t *testing.T) { test(t, classroom.Test) }

func test(t *testing.T, run func(*testing.T, client.Config)) {
	t.Helper()
	for _, s := range subjects() {
		t.Run(s.config.Name, func(t *testing.T) {
			t.Parallel()
			if s.waits != "" {
				t.Skipf("the suites need %s: declare it here once they have it", s.waits)
			}
			run(t, performing(s.config, operations...))
		})
	}
}

// performing is the client with those of the operations that it performs.
func performing(config client.Config, operations ...string) client.Config {
	some := func(calls client.Calls, err error) (client.Calls, error) {
		all := calls["*"]
		calls = maps.Clone(calls)
		delete(calls, "*")
		for _, id := range operations {
			if all != nil {
				calls[id] = all
			}
		}
		return calls, err
	}
	if construct := config.New; construct != nil {
		config.New = func(given *http.Client, baseURL string) (client.Calls, error) { return some(construct(given, baseURL)) }
	}
	if construct := config.Dial; construct != nil {
		config.Dial = func(baseURL string) (client.Calls, error) { return some(construct(baseURL)) }
	}
	return config
}
