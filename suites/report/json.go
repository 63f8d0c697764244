package report

import (
	"bytes"
	_ "embed"
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

// odd are what a file's name should not have on any system.
var odd = regexp.MustCompile(`[^A-Za-z0-9._]+`)

// FileName is the file of a run's piece: <provider>-<client>-<transport>.json.
func (r *Run) FileName() string {
	return fmt.Sprintf("%s-%s-%s.json", r.Provider, strings.Trim(odd.ReplaceAllString(r.Client.Name, "-"), "-."), r.Transport)
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
