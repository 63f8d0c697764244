package matchers

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// fault is one violation of the body's schema.
type fault struct {
	place string // JSON Pointer; "" is the root
	text  string // empty if kind says it
	kind  jsonschema.ErrorKind
}

func (f fault) String() string {
	text := f.text
	if f.kind != nil {
		text = f.kind.LocalizedString(english)
	}
	return exchange.Printable("at " + cmp.Or(f.place, "the root") + ": " + text)
}

// maxFaults bounds how many faults of a body are reported.
const maxFaults = 10

// faultLines prints the first faults, and how many more there are.
func faultLines(faults []fault) []string {
	var lines []string
	for i, f := range faults {
		if i == maxFaults {
			return append(lines, fmt.Sprintf("and %d faults more", len(faults)-i))
		}
		lines = append(lines, f.String())
	}
	return lines
}

// schemaCache holds the schemas in use. There are few texts, and comparing them is cheaper than hashing them.
var schemaCache struct {
	sync.Mutex
	documents []*document
}

// document is the text of schemas, and those of them that are compiled.
type document struct {
	text    []byte
	schemas map[string]compiledSchema // by root
	// compile compiles the schema at a root. err says why the text is no schema.
	compile func(root string) (*jsonschema.Schema, error)
	err     error
}

type compiledSchema struct {
	schema *jsonschema.Schema
	err    error
}

// schemaOf returns the compiled schema, and compiles it the first time.
func schemaOf(s fixtures.Schema) (*jsonschema.Schema, error) {
	schemaCache.Lock()
	defer schemaCache.Unlock()
	at := slices.IndexFunc(schemaCache.documents, func(d *document) bool { return bytes.Equal(d.text, s.JSON) })
	if at < 0 {
		at = len(schemaCache.documents)
		schemaCache.documents = append(schemaCache.documents, newDocument(bytes.Clone(s.JSON)))
	}
	d := schemaCache.documents[at]
	c, known := d.schemas[s.Root]
	if !known {
		if c.err = d.err; c.err == nil {
			c.schema, c.err = d.compile(s.Root)
		}
		d.schemas[s.Root] = c
	}
	return c.schema, c.err
}

// validate lists the faults of a response's decoded body, in the order of their places. The error says what is wrong with the
// schema. A body is validated once, though the verdict and the assertions of a spec ask for it.
func validate(schema fixtures.Schema, x exchange.Exchange) ([]fault, error) {
	s, err := schemaOf(schema)
	if err == nil {
		err, _ = x.Once(s, func(body any) any { return s.Validate(body) }).(error)
	}
	if failed, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		faults := collectFaults(failed, nil)
		slices.SortStableFunc(faults, func(a, b fault) int { return strings.Compare(a.place, b.place) })
		return faults, nil
	}
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", schema.Name, err)
	}
	return nil, nil
}

func newDocument(text []byte) *document {
	d := &document{text: text, schemas: map[string]compiledSchema{}}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		d.err = fmt.Errorf("not JSON: %w", err)
		return d
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(jsonschema.SchemeURLLoader{}) // embedded meta-schemas only: no file and no network

	const id = "learncontract:schema" // a relative id would name a file of the working directory
	d.err = compiler.AddResource(id, value)
	d.compile = func(root string) (*jsonschema.Schema, error) { return compiler.Compile(id + "#" + root) }
	return d
}

var english = message.NewPrinter(language.English)

// collectFaults appends the faults that have no finer cause, each missing property at its own place.
func collectFaults(e *jsonschema.ValidationError, faults []fault) []fault {
	for _, cause := range e.Causes {
		faults = collectFaults(cause, faults)
	}
	if len(e.Causes) > 0 {
		return faults
	}
	var place jsontext.Pointer
	for _, key := range e.InstanceLocation {
		place = place.AppendToken(key)
	}
	if required, ok := e.ErrorKind.(*kind.Required); ok {
		for _, name := range required.Missing {
			faults = append(faults, fault{place: string(place.AppendToken(name)), text: "is missing"})
		}
		return faults
	}
	return append(faults, fault{place: string(place), kind: e.ErrorKind})
}
