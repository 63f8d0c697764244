package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// output is a file that is to be written.
type output struct {
	root *os.Root // the folder that it is in, or below; nil for what is no file, such as a pipe
	name string   // below root, with slashes, or what to open
	text []byte
	mode os.FileMode // permissions
}

// outputTo is the output to a file that a user names, whose folder is made. What is linked to is written, and not the
// link.
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
		mode = info.Mode().Perm() // the file may be for few
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return o, fmt.Errorf("%s cannot be written (%w): give another file", file, err)
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return o, fmt.Errorf("%s cannot be written (%w): give another file", file, err)
	}
	return output{root: root, name: filepath.Base(file), text: text, mode: mode}, nil
}

// writeAll writes all files, each whole: none where one cannot be written, for a reader may look at any time, and half
// a file is worse than that of the last time.
func writeAll(outputs []output) (err error) {
	const part = ".part" // of a name, until the file is whole
	for i, o := range outputs {
		if o.root == nil {
			continue
		}
		if err := o.root.WriteFile(o.name+part, o.text, o.mode); err != nil {
			for _, o := range outputs[:i+1] {
				if o.root != nil {
					_ = o.root.Remove(o.name + part) // it says nothing that the error does not
				}
			}
			return fmt.Errorf("%s cannot be written, and so nothing was: %w: make room for it, or name another place",
				filepath.Join(o.root.Name(), o.name), err)
		}
	}
	for _, o := range outputs {
		if o.root == nil {
			err = errors.Join(err, os.WriteFile(o.name, o.text, 0))
		} else {
			err = errors.Join(err, o.root.Rename(o.name+part, o.name))
		}
	}
	if err != nil {
		return fmt.Errorf("not all could be written: %w: name another place", err)
	}
	return nil
}
