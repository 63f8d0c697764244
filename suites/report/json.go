package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// Schema is the JSON Schema of a report.
//
//go:embed report.schema.json
var Schema []byte

// Scrub has every text of the report pass f, which masks what must not be said: the last look of several.
func (r *Report) Scrub(f func(string) string) { scrub(reflect.ValueOf(r), f) }

func scrub(v reflect.Value, f func(string) string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scrub(v.Elem(), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scrub(v.Field(i), f)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			scrub(v.Index(i), f)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			v.SetMapIndex(key, reflect.ValueOf(f(v.MapIndex(key).String()))) // of texts, as all maps of the model are
		}
	case reflect.String:
		v.SetString(f(v.String()))
	default: // times and numbers
	}
}

// WriteJSON writes the report as report.schema.json has it.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	return encoder.Encode(r)
}

// unsafe are what a file's name should not have on any system.
var unsafeFileChars = regexp.MustCompile(`[^A-Za-z0-9._]+`)

// FileName is the file of a run's piece, such as graph-wire-offline.json or graph-wire-live-contoso.json. A run of
// another selection, and one whose names a file's cannot have, has a mark besides, so that no other's piece is
// overwritten.
func (r *Run) FileName() string {
	var parts []string
	var odd []string // names that a file's cannot have
	for _, name := range []string{r.Provider, r.Client.Name, string(r.Transport), r.Tenant} {
		part := strings.Trim(unsafeFileChars.ReplaceAllString(name, "-"), "-.")
		if part != name {
			odd = append(odd, name)
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	if r.Selection != "" || len(odd) > 0 {
		mark := sha256.Sum256([]byte(r.Selection + "\n" + strings.Join(odd, "\n")))
		parts = append(parts, hex.EncodeToString(mark[:4]))
	}
	return strings.Join(parts, "-") + ".json"
}

// Write writes the report of one run into the folder, which it makes, and returns the file.
func (r *Report) Write(folder string) (file string, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("the report cannot be written: %w: give another folder", err)
	}
	var text bytes.Buffer
	if err := r.WriteJSON(&text); err != nil {
		return "", fmt.Errorf("the report cannot be written: %w", err)
	}
	file = filepath.Join(folder, r.Runs[0].FileName())
	// Whole or not at all: a reader may look at any time.
	if err = os.WriteFile(file+".part", text.Bytes(), 0o600); err == nil {
		err = os.Rename(file+".part", file)
	}
	if err != nil {
		return "", fmt.Errorf("the report cannot be written: %w: give another folder", err)
	}
	return file, nil
}
