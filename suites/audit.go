package suites

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/learncontract/learncontract/suites/live"
)

// audit keeps the changes that a live run sends, one line each, beside its report: line by line, so that a run that is killed leaves
// them, too.
type audit struct {
	mutex sync.Mutex
	file  string // empty if none is kept
	mask  func(string) string
	err   error // of the first line that could not be written
}

// auditFile is the file of the audit beside that of a run's report.
func auditFile(report string) string { return strings.TrimSuffix(report, ".json") + ".changes.jsonl" }

// take takes the file beside the run's report, and removes what the run's last time has left.
func (a *audit) take(report string, mask func(string) string) error {
	file := auditFile(report)
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	a.file, a.mask = file, mask
	process.mutex.Lock()
	defer process.mutex.Unlock()
	process.written = append(process.written, file)
	return nil
}

// add writes a change.
func (a *audit) add(change live.Change) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.file == "" {
		return
	}
	line, err := json.Marshal(change)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(a.file), 0o755)
	}
	var file *os.File
	if err == nil {
		file, err = os.OpenFile(a.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	}
	if err == nil {
		_, err = file.WriteString(a.mask(string(line)) + "\n")
		err = errors.Join(err, file.Close())
	}
	if a.err == nil {
		a.err = err
	}
}
