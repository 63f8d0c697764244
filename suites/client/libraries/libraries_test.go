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

// subjects are the clients, by what they are built on.
func subjects() []client.Config {
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
	for _, config := range subjects() {
		t.Run(config.Name, func(t *testing.T) {
			t.Parallel()
			run(t, performing(config, operations...))
		})
	}
}

// declaring is the client with a further declaration.
func declaring(declare func(*client.Config), config client.Config) client.Config {
	declare(&config)
	return config
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
