package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// output is a file to write.
type output struct {
	root *os.Root // the folder that contains it; nil for what is no regular file, such as a pipe
	name string   // below root, with slashes, or what to open
	text []byte
	mode os.FileMode // permissions
}

// String is the file as a user knows it.
func (o output) String() string {
	if o.root == nil {
		return o.name
	}
	return filepath.Join(o.root.Name(), o.name)
}

// outputTo is the output to a file that a user names. It makes the folder, follows a link, and keeps the permissions.
func outputTo(file string, text []byte) (o output, err error) {
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target
	}
	mode := os.FileMode(0o644)
	switch info, err := os.Stat(file); {
	case err == nil && info.IsDir():
		return o, fmt.Errorf("%s is a folder: give a file in it, such as %s", file, filepath.Join(file, "report"))
	case err == nil && !info.Mode().IsRegular():
		return output{name: file, text: text}, nil
	case err == nil:
		mode = info.Mode().Perm()
	}
	err = os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		o.root, err = os.OpenRoot(filepath.Dir(file))
	}
	if err != nil {
		return o, fmt.Errorf("%s cannot be written (%w): give another file", file, cause(err))
	}
	o.name, o.text, o.mode = filepath.Base(file), text, mode
	return o, nil
}

// writeAll writes every file completely, or none of them if one cannot be written: a reader may look at any time, and half
// a file is worse than the previous one.
func writeAll(outputs []output) error {
	const part = ".part" // of a name, until the file is complete
	for i, o := range outputs {
		if o.root == nil {
			continue
		}
		if err := o.root.WriteFile(o.name+part, o.text, o.mode); err != nil {
			for _, o := range outputs[:i+1] {
				if o.root != nil {
					_ = o.root.Remove(o.name + part) // its error adds nothing to the one that is returned
				}
			}
			return fmt.Errorf("%s cannot be written (%w), and so no file was: free the place, or give another file",
				o, cause(err))
		}
	}
	var errs []error
	for _, o := range outputs {
		var err error
		if o.root == nil {
			err = os.WriteFile(o.name, o.text, 0)
		} else {
			err = o.root.Rename(o.name+part, o.name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s cannot be written (%w): give another file", o, cause(err)))
		}
	}
	return errors.Join(errs...)
}

// writeFile writes one file completely or not at all.
func writeFile(name string, text []byte) error {
	o, err := outputTo(name, text)
	if err != nil {
		return err
	}
	defer closeAll([]output{o})
	return writeAll([]output{o})
}

// closeAll closes the folders of the outputs, whose files were closed each by itself.
func closeAll(outputs []output) {
	for _, o := range outputs {
		if o.root != nil {
			_ = o.root.Close()
		}
	}
}

// cause is an error of the operating system without the call and the file, which the text around it names.
func cause(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	if e := (*os.LinkError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// indentedJSON is a value as JSON. Equal values have equal bytes, and a list without entries is empty, never null.
func indentedJSON(v any) ([]byte, error) {
	text, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(text, '\n'), err
}

// encode writes what indentedJSON makes of a value.
func encode(w io.Writer, v any) error {
	text, err := indentedJSON(v)
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}
