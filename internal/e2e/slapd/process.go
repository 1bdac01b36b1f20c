package slapd

import (
	"context"
	"io"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// process is a child process, ended by its own id.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func startProcess(output io.Writer, program string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(context.Background(), program, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = output, output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it does not outlive a test that is killed
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop asks the process to end, and kills it if it does not.
func (p *process) stop(tb testing.TB) {
	tb.Helper()
	for _, sig := range []syscall.Signal{syscall.SIGCONT, syscall.SIGTERM, syscall.SIGKILL} {
		_ = p.cmd.Process.Signal(sig) // an error means that it has ended
		if sig == syscall.SIGCONT {
			continue
		}
		select {
		case <-p.done:
			return
		case <-time.After(5 * time.Second):
		}
	}
	tb.Errorf("%s cannot be ended", p.cmd.Path)
}
