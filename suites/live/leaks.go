package live

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/learncontract/learncontract/matchers/exchange"
)

// span is where a secret stands in a text.
type span struct {
	start, end int
	kind       string
}

// knownIn finds the known secrets.
func (s *Secrets) knownIn(text []byte) (spans []span) {
	for i := 0; i+shortest <= len(text); i++ {
		if !s.first[hash(text[i:])] {
			continue
		}
		for _, k := range s.known[hash(text[i:])] {
			if bytes.HasPrefix(text[i:], []byte(k.form)) {
				spans = append(spans, span{i, i + len(k.form), k.kind})
			}
		}
	}
	return spans
}

// hash is of the first bytes of a text, of which there are three.
func hash[T string | []byte](text T) uint16 {
	return uint16(text[0]) ^ uint16(text[1])<<5 ^ uint16(text[2])<<10 //nolint:gosec // it is a hash
}

// search finds every secret in a text, known ones first where one is also shaped like one, in order and apart.
func (s *Secrets) search(text []byte) []span {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	var spans []span
	for _, v := range views(text) {
		found := s.knownIn(v.text)
		for _, secret := range exchange.FindSecrets(v.text) {
			found = append(found, span{secret.Start, secret.End, secret.Kind})
		}
		for _, found := range found {
			spans = append(spans, span{int(v.from[found.start]), int(v.to[found.end-1]), found.kind})
		}
	}
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	var apart []span
	for _, next := range spans {
		if last := len(apart) - 1; last >= 0 && next.start <= apart[last].end {
			apart[last].end = max(apart[last].end, next.end)
			continue
		}
		apart = append(apart, next)
	}
	return apart
}

// A window is what is searched at a time. What spans two is found in the second, which begins with the end of the first.
const (
	window  = 256 << 10
	overlap = 16 << 10
)

// Find looks for secrets in an artefact, without holding all of it.
func (s *Secrets) Find(name string, r io.Reader) ([]Find, error) {
	var finds []Find
	text := make([]byte, 0, window)
	offset, end := 0, 0 // of the text, and of what was reported last, in the artefact
	for {
		n, err := io.ReadFull(r, text[len(text):window])
		text = text[:len(text)+n]
		for _, found := range s.search(text) {
			if offset+found.start >= end {
				finds = append(finds, Find{s.Scrub(name), int64(offset + found.start), found.kind})
			}
			end = max(end, offset+found.end)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return finds, nil
		case err != nil:
			return finds, fmt.Errorf("%s could not be searched for secrets after byte %d: %w", s.Scrub(name), offset+len(text), err)
		}
		offset += len(text) - overlap
		text = text[:copy(text, text[len(text)-overlap:])]
	}
}

// Sweep looks for secrets in files, and in all files of directories, and removes every file that holds one, or has one in
// its name. A path that does not exist holds none. The error says what could not be searched or removed.
func (s *Secrets) Sweep(paths ...string) ([]Find, error) {
	var finds []Find
	var problems []error
	for _, root := range paths {
		if resolved, err := filepath.EvalSymlinks(root); err == nil {
			root = resolved
		}
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.Type() != 0 && entry.Type() != fs.ModeSymlink {
				return err
			}
			found, err := s.sweepFile(path)
			finds = append(finds, found...)
			if err != nil {
				problems = append(problems, err)
			}
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Errorf("not searched for secrets: look through it before anybody else does, or remove it: %s", s.Scrub(err.Error())))
		}
	}
	return finds, errors.Join(problems...)
}

func (s *Secrets) sweepFile(path string) ([]Find, error) {
	var finds []Find
	for _, found := range s.search([]byte(filepath.Base(path))) {
		finds = append(finds, Find{s.Scrub(path), 0, found.kind + ", in its name"})
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil && resolved != path {
		path = resolved // what a link leads to is what holds the secret
		if target, err := os.Stat(path); err == nil && !target.Mode().IsRegular() {
			return finds, nil
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return finds, fmt.Errorf("not searched for secrets: look through it before anybody else does, or remove it: %s", s.Scrub(err.Error()))
	}
	within, err := s.Find(path, file)
	_ = file.Close() // it was only read
	if finds = append(finds, within...); len(finds) == 0 {
		return nil, err
	}
	if gone := os.Remove(path); gone != nil {
		err = errors.Join(err, fmt.Errorf("%s holds a secret and could not be removed: remove it yourself: %s", s.Scrub(path),
			s.Scrub(gone.Error())))
	}
	return finds, err
}
