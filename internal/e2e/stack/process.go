package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/process"
	"github.com/shorepass/shorepass/internal/freeport"
)

// Find returns the path of a program, or fails the test.
func Find(tb testing.TB, program string) string {
	tb.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		tb.Fatalf("%s is missing: run \"make peers\", and the tests through \"make e2e\"", program)
	}
	return path
}

// FindAll returns the paths of all programs of that name, at least one.
func FindAll(tb testing.TB, program string) []string {
	tb.Helper()
	all := []string{Find(tb, program)}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path, err := exec.LookPath(filepath.Join(dir, program))
		if err == nil && !slices.ContainsFunc(all, func(known string) bool { return same(known, path) }) {
			all = append(all, path)
		}
	}
	return all
}

// same says whether two paths are of one file.
func same(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// FreeAddr returns localhost with a port that is free until the test ends. Clients treat
// localhost as a registry without TLS.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	return fmt.Sprint("localhost:", freeport.For(tb))
}

// Buffer is a bytes.Buffer that a process and a test may use at once.
type Buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String returns what was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Output is what a program prints. It writes that into a file, and not into a pipe, which a
// test reads when it gets round to it: what was printed before an answer is there with it.
type Output struct{ path string }

// String returns what was printed so far.
func (o *Output) String() string {
	content, err := os.ReadFile(o.path)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// Process is a program that a test started and ends.
type Process struct {
	Output *Output // standard output and error
	cmd    *exec.Cmd
	done   chan struct{}
	err    error
}

// Start starts the program; the test ends it, by its process id.
func Start(tb testing.TB, env []string, program string, args ...string) *Process {
	tb.Helper()
	return start(tb, 0, env, program, args...)
}

// start is Start in new namespaces, which are given as flags of clone(2).
func start(tb testing.TB, namespaces uintptr, env []string, program string, args ...string) *Process {
	tb.Helper()
	p := &Process{Output: &Output{filepath.Join(tb.TempDir(), "output")}, cmd: exec.Command(program, args...), done: make(chan struct{})}
	output, err := os.OpenFile(p.Output.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	defer output.Close()
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append(cleanEnv(), env...), output, output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Cloneflags: namespaces}
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	tb.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		if tb.Failed() {
			tb.Logf("%s printed:\n%s", program, tail(p.Output.String(), 4000))
		}
	})
	return p
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal to the process.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Pause stops the process with its sockets open, until it gets SIGCONT.
func (p *Process) Pause(tb testing.TB) {
	tb.Helper()
	if err := process.Pause(p.PID()); err != nil {
		tb.Fatal(err)
	}
}

// Wait waits for the process to end and returns its exit code.
func (p *Process) Wait(tb testing.TB, within time.Duration) int {
	tb.Helper()
	if !p.ends(within) {
		tb.Fatalf("the process has not ended within %s", within)
	}
	var exit *exec.ExitError
	switch {
	case p.err == nil:
		return 0
	case errors.As(p.err, &exit):
		return exit.ExitCode()
	}
	tb.Fatal(p.err)
	return -1
}

// ends waits for the process to end, and says whether it has.
func (p *Process) ends(within time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(within):
		return false
	}
}

// WaitFor tries until the condition holds; it fails the test when the process ends or
// the time is over first.
func (p *Process) WaitFor(tb testing.TB, what string, within time.Duration, holds func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(within); !holds(); time.Sleep(20 * time.Millisecond) {
		select {
		case <-p.done:
			tb.Fatalf("the process ended (%v) before %s:\n%s", p.err, what, p.Output)
		default:
		}
		if time.Now().After(deadline) {
			tb.Fatalf("no %s within %s:\n%s", what, within, p.Output)
		}
	}
}

// Result is what a finished command did.
type Result struct {
	Code           int
	Stdout, Stderr string
}

// Text is everything that the command printed.
func (r Result) Text() string { return r.Stdout + r.Stderr }

// Run runs a command to its end, at most a minute. A command that does not end by itself
// fails the test.
func Run(tb testing.TB, env []string, stdin, program string, args ...string) Result {
	tb.Helper()
	return RunWithin(tb, time.Minute, env, stdin, program, args...)
}

// RunWithin is Run for commands that may take longer, or less. It works in cleanups too.
func RunWithin(tb testing.TB, limit time.Duration, env []string, stdin, program string, args ...string) Result {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), limit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	command := program + " " + strings.Join(args, " ")
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = 5 * time.Second // for what it has started, and left with its output
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = append(cleanEnv(), env...), strings.NewReader(stdin), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		tb.Fatalf("%s did not end within %s:\n%s%s", command, limit, stdout.String(), stderr.String())
	case err != nil && !errors.As(err, &exit):
		tb.Fatalf("%s: %v", command, err)
	case !cmd.ProcessState.Exited():
		tb.Fatalf("%s: %s:\n%s%s", command, cmd.ProcessState, stdout.String(), stderr.String())
	}
	return Result{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
}

// cleanEnv is the environment without what would configure the programs: the
// registry reads every REGISTRY_*, clients read proxies and credentials.
func cleanEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		upper := strings.ToUpper(name)
		if !strings.HasPrefix(upper, "REGISTRY_") && !strings.HasPrefix(upper, "DOCKER_") && !strings.HasSuffix(upper, "_PROXY") {
			env = append(env, v)
		}
	}
	return append(env, "OTEL_TRACES_EXPORTER=none")
}

func tail(s string, most int) string {
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}
