package server_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
)

var update = flag.Bool("update", false, "write methods.json anew from Google's discovery document")

// The parts of a discovery document that the stand-in needs.
type (
	discoveryResource struct {
		Methods map[string]struct {
			ID, HTTPMethod, FlatPath string
			Parameters               map[string]struct {
				discoveryType
				Location, Description string
			}
			Request, Response struct {
				Ref string `json:"$ref"`
			}
			Scopes []string
		}
		Resources map[string]discoveryResource
	}
	discoveryType struct {
		Type  string
		Ref   string `json:"$ref"`
		Enum  []string
		Items *discoveryType

		AdditionalProperties *discoveryType
	}
)

// short writes a type as methods.json has it.
func (d discoveryType) short() string {
	switch {
	case d.Ref != "":
		return "#" + d.Ref
	case d.Items != nil:
		return "[]" + d.Items.short()
	case len(d.Enum) > 0:
		return strings.Join(d.Enum, "|")
	}
	return d.Type
}

var maskField = regexp.MustCompile("\\* `(\\w+)`")

// TestMethodsAreThoseOfGoogle holds methods.json against the discovery document that it is made of.
func TestMethodsAreThoseOfGoogle(t *testing.T) {
	contract, err := fixtures.Load("classroom")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	release := contract.Discovery
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(cache)), release.String(), filepath.FromSlash(release.File)))
	if err != nil {
		t.Skipf("%v: go mod download %s gets it", err, release)
	}
	var document struct {
		Revision string
		Schemas  map[string]struct{ Properties map[string]discoveryType }
		discoveryResource
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}

	type method struct {
		ID     string            `json:"id"`
		Verb   string            `json:"verb"`
		Path   string            `json:"path"`
		Body   string            `json:"body,omitempty"`
		Items  string            `json:"items,omitempty"`
		Query  map[string]string `json:"query,omitempty"`
		Mask   []string          `json:"mask,omitempty"`
		Scopes []string          `json:"scopes"`
	}
	var methods []method
	schemas := map[string]map[string]string{}
	var add func(name string)
	add = func(name string) {
		if name == "" || schemas[name] != nil {
			return
		}
		schemas[name] = map[string]string{}
		for property, d := range document.Schemas[name].Properties {
			schemas[name][property] = d.short()
			for _, ref := range []*discoveryType{&d, d.Items, d.AdditionalProperties} {
				if ref != nil {
					add(ref.Ref)
				}
			}
		}
	}
	var walk func(discoveryResource)
	walk = func(r discoveryResource) {
		for _, m := range r.Methods {
			made := method{
				ID: strings.TrimPrefix(m.ID, "classroom."), Verb: m.HTTPMethod, Path: m.FlatPath, Body: m.Request.Ref,
				Query: map[string]string{},
			}
			for name, p := range m.Parameters {
				if p.Location == "query" {
					made.Query[name] = p.short()
				}
				if name == "updateMask" {
					for _, field := range maskField.FindAllStringSubmatch(p.Description, -1) {
						made.Mask = append(made.Mask, field[1])
					}
				}
			}
			if strings.HasSuffix(m.ID, ".list") {
				for name, property := range document.Schemas[m.Response.Ref].Properties {
					if property.Items != nil {
						made.Items = name
					}
				}
			}
			for _, scope := range m.Scopes {
				made.Scopes = append(made.Scopes, scope[strings.LastIndexByte(scope, '/')+1:])
			}
			add(m.Request.Ref)
			methods = append(methods, made)
		}
		for _, nested := range r.Resources {
			walk(nested)
		}
	}
	walk(document.discoveryResource)
	slices.SortFunc(methods, func(a, b method) int { return strings.Compare(a.ID, b.ID) })

	var made bytes.Buffer // an entry a line, so that a change shows
	made.WriteString("{\n\"revision\": \"" + document.Revision + "\",\n\"methods\": [\n")
	line := func(prefix string, v any, last bool) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		made.WriteString(prefix + string(text))
		if !last {
			made.WriteByte(',')
		}
		made.WriteByte('\n')
	}
	for i, m := range methods {
		line("", m, i == len(methods)-1)
	}
	made.WriteString("],\n\"schemas\": {\n")
	names := slices.Sorted(maps.Keys(schemas))
	for i, name := range names {
		line(`"`+name+`": `, schemas[name], i == len(names)-1)
	}
	made.WriteString("}\n}\n")

	const file = "methods.json"
	if *update {
		if err := os.WriteFile(file, made.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, made.Bytes()) {
		t.Error("methods.json is not what the discovery document says: go test ./suites/live/standin/server -update, and look")
	}
}
