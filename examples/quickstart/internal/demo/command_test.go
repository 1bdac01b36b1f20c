package demo_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/examples/quickstart/internal/demo"
)

// The tests of the command are here, and not beside it, because two demos cannot run
// at once, and the tests of two packages do.

func TestCommandLineMistakes(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "quickstart")
	if output, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, quickstart).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for _, tt := range []struct {
		name string
		args []string
		exit int
		want string
	}{
		{"argument", []string{"now"}, 2, "quickstart: unexpected argument \"now\"\n"},
		{"unknown flag", []string{"-port", "1"}, 2, "flag provided but not defined: -port\n"},
		{"another folder", []string{"-dir", t.TempDir()}, 1, "is not the quick start's folder in the repository"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			output, err := exec.CommandContext(t.Context(), binary, tt.args...).CombinedOutput()
			var exited *exec.ExitError
			if !errors.As(err, &exited) || exited.ExitCode() != tt.exit {
				t.Errorf("got %v, want exit code %d", err, tt.exit)
			}
			if !strings.Contains(string(output), tt.want) {
				t.Errorf("got %q, want %q", output, tt.want)
			}
		})
	}
}

// launch runs a command that runs the demo, and returns when that is ready.
func launch(t *testing.T, command *exec.Cmd) *run {
	t.Helper()
	r := &run{ended: make(chan struct{})}
	command.Stdout, command.Stderr = r, r
	command.WaitDelay = 30 * time.Second
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		r.err = command.Wait()
		close(r.ended)
	}()
	r.await(t, "Ready.", 5*time.Minute)
	return r
}

// "go run" does not pass a SIGTERM on; the demo ends all the same.
func TestEndsWithGoRun(t *testing.T) {
	command := exec.CommandContext(t.Context(), "go", "run", ".")
	command.Dir = quickstart
	r := launch(t, command)
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.await(t, "Ended.", 15*time.Second)
	if <-r.ended; r.err == nil {
		t.Error("go run was not ended by the signal")
	}
	ports := []demo.Port{{"localhost:5000", ""}, {"localhost:5001", ""}, {"localhost:5002", ""}, {"localhost:1389", ""}}
	if err := demo.CheckPorts(t.Context(), ports, "linux"); err != nil {
		t.Errorf("still taken: %v", err)
	}
}

// Ctrl-C reaches every program of the terminal's foreground: make and the demo.
func TestEndsWithMake(t *testing.T) {
	command := exec.CommandContext(t.Context(), "make", "--no-print-directory", "-C", filepath.Join(quickstart, "..", ".."), "demo")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r := launch(t, command)
	if err := syscall.Kill(-command.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exited *exec.ExitError
	if <-r.ended; errors.As(r.err, &exited) && exited.Exited() {
		t.Errorf("make failed: %v", r.err)
	}
	if !strings.HasPrefix(r.String(), "Building the demo") || !strings.HasSuffix(r.String(), "\nEnded.\n") {
		t.Errorf("got:\n%s", r)
	}
}
