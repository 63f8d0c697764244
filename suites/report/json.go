package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

//go:embed report.schema.json
var schema []byte

// Schema is the JSON Schema of a report.
func Schema() []byte { return bytes.Clone(schema) }

// Scrub replaces every text of the report by what mask returns of it.
func (r *Report) Scrub(mask func(string) string) { scrub(reflect.ValueOf(r), mask) }

func scrub(v reflect.Value, mask func(string) string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scrub(v.Elem(), mask)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scrub(v.Field(i), mask)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			scrub(v.Index(i), mask)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			v.SetMapIndex(key, reflect.ValueOf(mask(v.MapIndex(key).String()))) // all maps of the model hold texts
		}
	case reflect.String:
		v.SetString(mask(v.String()))
	default: // times and numbers
	}
}

// WriteJSON writes the report as report.schema.json has it.
func (r *Report) WriteJSON(w io.Writer) error {
	text, err := json.Marshal(r, json.Deterministic(true), jsontext.WithIndent(" "), jsontext.AllowInvalidUTF8(true))
	if err == nil {
		_, err = w.Write(append(text, '\n'))
	}
	return err
}

// unsafeFileChars are what a file's name should not have on any system.
var unsafeFileChars = regexp.MustCompile(`[^A-Za-z0-9._]+`)

// FileName is the file of the run's report, such as graph-wire-offline.json or graph-wire-live-contoso.json. A run of a
// selection, and one whose names a file's cannot have, has a digest in it, so that it overwrites no other's.
func (r *Run) FileName() string {
	var parts []string
	var changed []string // names that a file's cannot have
	for _, name := range []string{r.Provider, r.Client.Name, string(r.Transport), r.Tenant} {
		part := strings.Trim(unsafeFileChars.ReplaceAllString(name, "-"), "-.")
		if part != name {
			changed = append(changed, name)
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	if r.Selection != "" || len(changed) > 0 {
		digest := sha256.Sum256([]byte(r.Selection + "\n" + strings.Join(changed, "\n")))
		parts = append(parts, hex.EncodeToString(digest[:4]))
	}
	return strings.Join(parts, "-") + ".json"
}

// Write writes the report of one run into the folder, which it makes, and returns the file.
func (r *Report) Write(folder string) (file string, err error) {
	var text bytes.Buffer
	if err := r.WriteJSON(&text); err != nil {
		return "", fmt.Errorf("the report cannot be written as JSON: %w", err)
	}
	file = filepath.Join(folder, r.Runs[0].FileName())
	if err = os.MkdirAll(folder, 0o755); err == nil {
		err = writeWhole(file, text.Bytes())
	}
	if err != nil {
		return "", fmt.Errorf("%s cannot be written: %w: choose another folder", file, withoutPath(err))
	}
	return file, nil
}

// writeWhole writes the file whole or not at all: a reader may look at any time.
func writeWhole(file string, text []byte) error {
	part, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.part")
	if err != nil {
		return err
	}
	_, err = part.Write(text)
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), file)
	}
	if err != nil {
		_ = os.Remove(part.Name()) // the error says enough
	}
	return err
}

// withoutPath is the cause of a file's error, without the system call and the path: the sentence around it names the file.
func withoutPath(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
