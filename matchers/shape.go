package matchers

import (
	"bytes"
	"fmt"
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
	text  string
}

// compiled holds the schemas in use, a func() (*jsonschema.Schema, error) by text. There are few.
var compiled sync.Map

// validate lists every fault of a decoded body. The error tells what is wrong with the schema.
func validate(schema fixtures.Schema, body any) ([]fault, error) {
	compile, _ := compiled.LoadOrStore(string(schema.JSON), sync.OnceValues(func() (*jsonschema.Schema, error) {
		return compileSchema(schema)
	}))
	s, err := compile.(func() (*jsonschema.Schema, error))()
	if err != nil {
		return nil, err
	}
	err = s.Validate(body)
	if err == nil {
		return nil, nil
	}
	failed, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return nil, fmt.Errorf("schema %s: %w", schema.Name, err)
	}
	return leaves(failed, nil), nil
}

func compileSchema(schema fixtures.Schema) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.JSON))
	if err != nil {
		return nil, fmt.Errorf("schema %s is not JSON: %w", schema.Name, err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(jsonschema.SchemeURLLoader{}) // embedded meta-schemas only: no file and no network
	if err := compiler.AddResource("schema.json", document); err != nil {
		return nil, fmt.Errorf("schema %s: %w", schema.Name, err)
	}
	s, err := compiler.Compile("schema.json")
	if err != nil {
		return nil, fmt.Errorf("schema %s: %w", schema.Name, err)
	}
	return s, nil
}

var english = message.NewPrinter(language.English)

// leaves collects the faults that have no finer cause, a missing property each at the place where it is missing.
func leaves(e *jsonschema.ValidationError, faults []fault) []fault {
	for _, cause := range e.Causes {
		faults = leaves(cause, faults)
	}
	if len(e.Causes) > 0 {
		return faults
	}
	place := ""
	for _, key := range e.InstanceLocation {
		place += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
	}
	if required, ok := e.ErrorKind.(*kind.Required); ok {
		for _, name := range required.Missing {
			faults = append(faults, fault{place + "/" + name, "is missing"})
		}
		return faults
	}
	return append(faults, fault{place, e.ErrorKind.LocalizedString(english)})
}
