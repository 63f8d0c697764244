package suites

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/learncontract/learncontract/suites/report"
)

// progress shows what a live run does, on a terminal: it takes minutes. It is written behind Ginkgo's own output, which
// overwrites it. A nil progress shows nothing.
type progress struct {
	screen io.Writer
	total  int

	mutex  sync.Mutex // guards what follows: a client that hung may still wait
	n      int
	clause string
	phase  string
}

// showProgress shows the progress of so many specs: on standard error, or on standard output where the ginkgo command stands
// between this process and the former; nowhere if neither is a terminal.
func showProgress(total int) *progress {
	for _, screen := range []*os.File{os.Stderr, os.Stdout} {
		if report.IsTerminal(screen) {
			return &progress{screen: screen, total: total}
		}
	}
	return nil
}

// next shows that a clause is asked.
func (p *progress) next(clause string) {
	if p == nil {
		return
	}
	p.mutex.Lock()
	p.n++
	p.clause = clause
	p.mutex.Unlock()
	p.enters("its set-up")
}

// enters shows for which part of its recipe the clause waits.
func (p *progress) enters(phase string) {
	if p == nil {
		return
	}
	p.mutex.Lock()
	p.phase = phase
	p.mutex.Unlock()
	p.waitsFor("")
}

// waitsFor shows what that part waits for, "" for no more than its answers.
func (p *progress) waitsFor(what string) {
	if p == nil {
		return
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	text := fmt.Sprintf(" clause %d of %d: %s waits for %s", p.n, p.total, p.clause, p.phase)
	if what != "" {
		text += ": " + what
	}
	p.show(text)
}

// show writes the text behind the cursor, which stays where it was. The line does not wrap: what wraps is not overwritten.
func (p *progress) show(text string) {
	_, _ = fmt.Fprint(p.screen, "\x1b7\x1b[?7l\x1b[K"+text+"\x1b[?7h\x1b8") // who watches sees
}

// end takes the progress off the screen.
func (p *progress) end() {
	if p != nil {
		_, _ = fmt.Fprint(p.screen, "\x1b[K")
	}
}
