package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// rig lets the lab use what was written for tests: a step that fails ends, and what it
// leaves for the end is done at the end. Methods of testing.TB that it does not have
// are not for the lab.
type rig struct {
	testing.TB
	ctx      context.Context
	dir      string
	failures []string
	cleanups []func()
}

// do runs a step with a folder of its own.
func (r *rig) do(dir string, step func(*rig)) error {
	r.dir, r.failures = dir, nil
	done := make(chan struct{})
	go func() {
		defer close(done)
		step(r)
	}()
	<-done
	return r.err()
}

// close does what the steps have left for the end, last to first.
func (r *rig) close() error {
	r.failures = nil
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	return r.err()
}

func (r *rig) err() error {
	if r.failures == nil {
		return nil
	}
	return errors.New(strings.Join(r.failures, "\n"))
}

// Helper does nothing.
func (r *rig) Helper() {}

// Context ends with the lab.
func (r *rig) Context() context.Context { return r.ctx }

// TempDir is the step's folder.
func (r *rig) TempDir() string { return r.dir }

// Cleanup leaves something for the end.
func (r *rig) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// Failed reports whether the step has failed.
func (r *rig) Failed() bool { return r.failures != nil }

// Error notes a failure.
func (r *rig) Error(args ...any) { r.failures = append(r.failures, fmt.Sprint(args...)) }

// Errorf notes a failure.
func (r *rig) Errorf(format string, args ...any) { r.Error(fmt.Sprintf(format, args...)) }

// Fatal notes a failure and ends the step.
func (r *rig) Fatal(args ...any) {
	r.Error(args...)
	runtime.Goexit()
}

// Fatalf notes a failure and ends the step.
func (r *rig) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// Logf does nothing: the logs are in files.
func (r *rig) Logf(string, ...any) {}
