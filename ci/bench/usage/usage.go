//go:build unix

// Package usage is what a measured process has cost, for both ends of it: the process that is measured leaves out by
// Uncounted what is not to be counted, and the one that measures asks by Of.
package usage

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

// Usage is what a process, with the children it waited for, has used.
type Usage struct {
	CPU  time.Duration // user and system time, without what Uncounted took
	Wall time.Duration
	Peak int64 // the largest resident set, in bytes
}

// uncounted starts the line in which Uncounted says how long it took.
const uncounted = "bench: uncounted "

// Uncounted runs, in the process that is measured, what is not to be counted.
func Uncounted(prepare func()) {
	before := self()
	prepare()
	runtime.GC() // its garbage is not to be counted either
	fmt.Printf("\n%s%s\n", uncounted, self()-before)
}

// self is the CPU time of this process up to now.
func self() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err) // it fails on wrong arguments only
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// Of is the usage of a process that has ended, from the time it took and what it printed.
//
// On Linux the peak is never below that of the process that started it: whoever measures must stay small.
func Of(ended *os.ProcessState, wall time.Duration, printed []byte) Usage {
	used := Usage{CPU: ended.UserTime() + ended.SystemTime(), Wall: wall}
	if rusage, ok := ended.SysUsage().(*syscall.Rusage); ok {
		used.Peak = int64(rusage.Maxrss) //nolint:unconvert // 32 bits wide on some platforms
		if runtime.GOOS != "darwin" {
			used.Peak *= 1 << 10 // macOS counts bytes, the others KiB
		}
	}
	for line := range bytes.Lines(printed) {
		if text, ok := bytes.CutPrefix(line, []byte(uncounted)); ok {
			took, err := time.ParseDuration(string(bytes.TrimSpace(text)))
			if err != nil {
				panic(err) // Uncounted prints a duration
			}
			used.CPU, used.Wall = used.CPU-took, used.Wall-took
		}
	}
	return used
}
