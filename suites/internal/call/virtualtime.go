package call

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// How long a call may take.
const (
	virtualPatience = 48 * time.Hour // longer than any documented wait
	afterReturn     = time.Hour      // virtual; a client may send more after it has returned
	realPatience    = 5 * time.Second
	afterEnd        = 2 * time.Second // what is left of a call once the run ends
	impatience      = 5               // divides the patience with a client that hung before
)

// guard calls f in a goroutine of its own, so that a panic ends nothing else, within a context that ends after half of the
// patience. The fault is a *Panic or a *Hang, which its caller completes.
func guard[T any](ctx context.Context, patience time.Duration, f func(context.Context) T) (result T, fault error) {
	return guardOrLeave(ctx, context.Background(), patience, f)
}

// guardOrLeave is guard, but once run has ended the call has no more than afterEnd to return.
func guardOrLeave[T any](ctx, run context.Context, patience time.Duration, f func(context.Context) T) (result T, fault error) {
	type outcome struct {
		result T
		fault  error
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience/2)
	defer cancel()
	done := make(chan outcome, 1)
	go func() {
		GrowStack()
		o := outcome{fault: &Panic{Value: "it ended its goroutine by runtime.Goexit, as t.FailNow does"}}
		defer func() { done <- o }()
		defer func() {
			if p := recover(); p != nil {
				o.fault = &Panic{Value: p, Stack: debug.Stack()}
			}
		}()
		o.result = f(ctx)
		o.fault = nil
	}()
	select {
	case o := <-done:
		return o.result, o.fault
	case <-ctx.Done():
	}
	timer := time.NewTimer(patience - time.Since(began))
	defer timer.Stop()
	select {
	case o := <-done:
		return o.result, o.fault
	case <-timer.C:
		return result, &Hang{After: patience}
	case <-run.Done():
	}
	timer.Reset(min(afterEnd, patience-time.Since(began)))
	select {
	case o := <-done:
		return o.result, o.fault
	case <-timer.C:
		return result, &Hang{After: time.Since(began)}
	}
}

// GrowStack grows a new goroutine's stack once, while there is little on it to copy: what a client calls goes deep.
func GrowStack() { growStack(false) }

// growStack has a frame of the size whether or not the space in it is used, and cleared.
//
//go:noinline
func growStack(use bool) {
	if use {
		var space [24 << 10]byte
		runtime.KeepAlive(&space)
	}
}

// Bubble calls f in a bubble of testing/synctest, where time passes when nothing else can happen. The fault is a *Hang if f did
// not return within the patience, in real time: what f waits for is outside of the bubble, and holds its time. A panic of f would
// end the process: see guard.
func Bubble(patience time.Duration, f func()) error {
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		// A T of no test: the bubble's needs none, and the test that runs may be Ginkgo's or parallel.
		synctest.Test(new(testing.T), func(*testing.T) {
			time.Sleep(rand.N(time.Hour)) // or whatever is seeded from the clock would be the same each time
			f()
		})
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case p := <-done:
		// What f leaves behind in the bubble is given up: f has seen of it what it wants.
		if p != nil && !strings.HasPrefix(fmt.Sprint(p), "deadlock: ") {
			panic(p)
		}
		return nil
	case <-timer.C:
		return &Hang{After: patience, Stuck: true}
	}
}
