package stub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/learncontract/learncontract/matchers/exchange"
)

// differingBody says in what a body differs from the request's as JSON: the JSON Pointer of the first difference, what is there
// and what should be. Nil if it is the same but for declared fields. No body equals only no body.
func (r *stubbed) differingBody(body []byte) error {
	if bytes.Equal(body, r.Body) {
		return nil
	}
	if len(body) == 0 || r.Body == nil {
		return fmt.Errorf("body: got %s, want %s", PrintableBody(body), PrintableBody(r.Body))
	}
	if err := checkJSON(body); err != nil {
		return fmt.Errorf("body: got %s, which is not JSON (%s)", PrintableBody(body), exchange.Printable(err.Error()))
	}
	return r.difference("", decoded(body), decoded(r.Body))
}

// nothing is a member or an element that is not there.
type nothing struct{}

// difference is the first one of two decoded values, by name and by index.
func (r *stubbed) difference(at jsontext.Pointer, got, want any) error {
	if got, ok := got.(map[string]any); ok {
		if want, ok := want.(map[string]any); ok {
			names := slices.Collect(maps.Keys(got))
			for name := range want {
				if _, has := got[name]; !has {
					names = append(names, name)
				}
			}
			slices.Sort(names)
			for _, name := range names {
				if err := r.difference(at.AppendToken(name), member(got, name), member(want, name)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if got, ok := got.([]any); ok {
		if want, ok := want.([]any); ok {
			for i := range max(len(got), len(want)) {
				if err := r.difference(at.AppendToken(strconv.Itoa(i)), element(got, i), element(want, i)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	a, b := text(got), text(want)
	if a == b {
		return nil
	}
	err := fmt.Errorf("body at %s: got %s, want %s", exchange.Printable(string(at)), a, b)
	if at == "" {
		err = fmt.Errorf("body: got %s, want %s", a, b)
	}
	if want != (nothing{}) {
		return err
	}
	if slices.Contains(r.Fields, string(at)) {
		return nil
	}
	return fmt.Errorf("%w; if the client means to send it, name it in Config.Adds, as Fields", err)
}

func member(object map[string]any, name string) any {
	if value, has := object[name]; has {
		return value
	}
	return nothing{}
}

func element(array []any, i int) any {
	if i < len(array) {
		return array[i]
	}
	return nothing{}
}

// text is a decoded value as JSON, numbers as written.
func text(value any) string {
	if value == (any)(nothing{}) {
		return "nothing"
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(errors.Join(errors.New("stub: a decoded value cannot be encoded"), err)) // it was decoded from JSON
	}
	return exchange.Printable(string(bytes.TrimSpace(out.Bytes())))
}

// checkJSON returns an error of anything that is not strictly JSON, as a key twice.
func checkJSON(body []byte) error {
	value := jsontext.Value(bytes.Clone(body))
	return value.Compact(jsontext.AllowDuplicateNames(false))
}

// decoded is a body that was read as JSON before, its numbers as written.
func decoded(body []byte) (value any) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	_ = decoder.Decode(&value)
	return value
}
