package suites

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// reportTime is what is left, once all is cleaned up, to report.
const reportTime = time.Second

// setEnd says when the run's specs end, so that what it has made is removed, and the run reported, before its deadline. It fails if
// there is no time for anything, before the first request. cleanUp is what a clean-up takes.
func (s *suiteRun) setEnd(cleanUp time.Duration) error {
	if s.deadline.IsZero() {
		return nil
	}
	left := time.Until(s.deadline)
	reserved := max(cleanUp, min(cleanUpTime, left/10)) + reportTime
	if left < reserved+cleanUp/2 {
		return fmt.Errorf("%s leaves this run %s, and removing what one clause makes may take %s, so nothing was called: give it more, such as 50m",
			s.limit, max(0, left).Round(time.Second), cleanUp.Round(time.Second))
	}
	s.ends = s.deadline.Add(-reserved)
	return nil
}

// cleanUpContext is the context of a clean-up, which what ended the specs does not end.
func (s *suiteRun) cleanUpContext(ctx context.Context) (context.Context, context.CancelFunc) {
	ends := time.Now().Add(cleanUpTime)
	if before := s.deadline.Add(-reportTime); !s.deadline.IsZero() && before.Before(ends) {
		ends = before
	}
	return context.WithDeadline(context.WithoutCancel(ctx), ends)
}

// ginkgoDeadline is when Ginkgo, or go test, ends a suite that begins now; as the first Describe of the process sees it.
var ginkgoDeadline = sync.OnceValues(func() (deadline time.Time, limit string) {
	of := func(name string) time.Duration {
		if f := flag.Lookup(name); f != nil {
			if value, ok := f.Value.(flag.Getter); ok {
				timeout, _ := value.Get().(time.Duration)
				return timeout
			}
			timeout, _ := time.ParseDuration(f.Value.String())
			return timeout
		}
		return 0
	}
	if timeout := of("ginkgo.timeout"); timeout > 0 {
		deadline, limit = time.Now().Add(timeout), fmt.Sprintf("Ginkgo's --timeout=%s", timeout)
	}
	if timeout := of("test.timeout"); timeout > 0 && (deadline.IsZero() || started.Add(timeout).Before(deadline)) {
		deadline, limit = started.Add(timeout), fmt.Sprintf("go test's -timeout=%s", timeout)
	}
	return deadline, limit
})

// started is when the process did, just before go test's -timeout begins.
var started = time.Now()

// watchEnd ends the live run, as an interruption does, once nobody waits for it any more: the terminal is closed, or the command that
// has started it has ended.
var watchEnd = sync.OnceFunc(func() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // or printing where nobody reads would kill the run before it has cleaned up
	if signal.Ignored(syscall.SIGHUP) {                     // whoever uses nohup leaves the run alone
		return
	}
	interrupted, hungUp := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM) // as which Ginkgo, and endingEarly, end the run
	signal.Notify(hungUp, syscall.SIGHUP)
	commands := startedBy()
	go func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for hasEnded := false; !hasEnded; {
			select {
			case <-ticker.C:
				hasEnded = slices.ContainsFunc(commands, func(p *os.Process) bool { return p.Signal(syscall.Signal(0)) != nil })
			case <-hungUp:
				hasEnded = true
			case <-interrupted: // a second interruption would keep Ginkgo from cleaning up
				return
			}
		}
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Signal(syscall.SIGTERM) // it is there
		}
	}()
})

// startedBy are the commands that have started this process, one by another, and that wait for it: ginkgo and go.
func startedBy() (commands []*os.Process) {
	for pid := os.Getppid(); ; {
		parent, name := parentOf(pid)
		process, err := os.FindProcess(pid)
		if err != nil || name != "go" && name != "ginkgo" {
			return commands
		}
		commands, pid = append(commands, process), parent
	}
}

// parentOf is the parent of a process, and the name of its own program; "" if that is not known.
func parentOf(pid int) (parent int, name string) {
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil { // "PID (NAME) STATE PARENT …"
		_, _ = fmt.Sscanf(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " %s %d", &name, &parent)
		return parent, string(stat[bytes.IndexByte(stat, '(')+1 : max(1, bytes.LastIndexByte(stat, ')'))])
	}
	out, err := exec.CommandContext(context.Background(), "ps", "-o", "ppid=,comm=", "-p", strconv.Itoa(pid)).Output()
	if err == nil {
		_, _ = fmt.Sscan(string(out), &parent, &name)
	}
	return parent, filepath.Base(name)
}
