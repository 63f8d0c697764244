package matchers

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/learncontract/learncontract/fixtures"
)

// fault is one thing in which a body breaks its schema.
type fault struct {
	place string // JSON Pointer; "" is the root
	text  string // empty where kind says it
	kind  jsonschema.ErrorKind
}

func (f fault) String() string {
	text := f.text
	if f.kind != nil {
		text = f.kind.LocalizedString(english)
	}
	return Printable("at " + cmp.Or(f.place, "the root") + ": " + text)
}

// mostFaults bounds how many faults of a body are told of.
const mostFaults = 10

// lines prints the first faults, and how many more there are.
func lines(faults []fault) []string {
	var lines []string
	for i, f := range faults {
		if i == mostFaults {
			return append(lines, fmt.Sprintf("and %d faults more", len(faults)-i))
		}
		lines = append(lines, f.String())
	}
	return lines
}

// compiled holds the schemas in use. There are few, and comparing their texts is cheaper than hashing them.
var compiled struct {
	sync.Mutex
	schemas []compiledSchema
}

type compiledSchema struct {
	text   []byte
	root   string
	schema *jsonschema.Schema
	err    error
}

// schemaOf compiles a schema the first time it is asked for.
func schemaOf(s fixtures.Schema) (*jsonschema.Schema, error) {
	compiled.Lock()
	defer compiled.Unlock()
	for _, c := range compiled.schemas {
		if c.root == s.Root && bytes.Equal(c.text, s.JSON) {
			return c.schema, c.err
		}
	}
	schema, err := compileSchema(s)
	compiled.schemas = append(compiled.schemas, compiledSchema{bytes.Clone(s.JSON), s.Root, schema, err})
	return schema, err
}

// validate lists the faults of a decoded body, in the order of their places. The error tells what is wrong with the
// schema.
func validate(schema fixtures.Schema, body any) ([]fault, error) {
	s, err := schemaOf(schema)
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", schema.Name, err)
	}
	err = s.Validate(body)
	if err == nil {
		return nil, nil
	}
	var failed *jsonschema.ValidationError
	if !errors.As(err, &failed) {
		return nil, fmt.Errorf("schema %s: %w", schema.Name, err)
	}
	faults := leaves(failed, nil)
	slices.SortStableFunc(faults, func(a, b fault) int { return strings.Compare(a.place, b.place) })
	return faults, nil
}

func compileSchema(s fixtures.Schema) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.JSON))
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(jsonschema.SchemeURLLoader{}) // embedded meta-schemas only: no file and no network

	const id = "learncontract:schema" // a relative one would be taken for a file of the working directory
	if err := compiler.AddResource(id, document); err != nil {
		return nil, err
	}
	return compiler.Compile(id + "#" + s.Root)
}

// escaped writes a key as JSON Pointers have it.
var escaped = strings.NewReplacer("~", "~0", "/", "~1")

var english = message.NewPrinter(language.English)

// leaves collects the faults that have no finer cause, a missing property each at the place where it is missing.
func leaves(e *jsonschema.ValidationError, faults []fault) []fault {
	for _, cause := range e.Causes {
		faults = leaves(cause, faults)
	}
	if len(e.Causes) > 0 {
		return faults
	}
	var pointer strings.Builder
	for _, key := range e.InstanceLocation {
		pointer.WriteString("/" + escaped.Replace(key))
	}
	place := pointer.String()
	if required, ok := e.ErrorKind.(*kind.Required); ok {
		for _, name := range required.Missing {
			faults = append(faults, fault{place: place + "/" + name, text: "is missing"})
		}
		return faults
	}
	return append(faults, fault{place: place, kind: e.ErrorKind})
}
