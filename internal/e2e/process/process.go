package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Process is a child process, ended by its own id. It is in a process group of its
// own, so that a Ctrl-C on the terminal reaches its parent alone.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// Start starts a program whose standard output and error go to output. env is added to
// the environment.
func Start(output io.Writer, env []string, program string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.CommandContext(context.Background(), program, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = output, output
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL} // it does not outlive a parent that is killed
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// State says how the process ended, once it has.
func (p *Process) State() string {
	<-p.done
	return p.cmd.ProcessState.String()
}

// Signal sends a signal to the process.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Stop asks the process to end by the signal, and kills it if it does not within the
// time.
func (p *Process) Stop(by os.Signal, within time.Duration) error {
	_ = p.Signal(syscall.SIGCONT) // errors mean that it has ended
	_ = p.Signal(by)
	select {
	case <-p.done:
		return nil
	case <-time.After(within):
	}
	_ = p.Signal(syscall.SIGKILL)
	select {
	case <-p.done:
		return nil
	case <-time.After(5 * time.Second):
		return fmt.Errorf("%s cannot be ended", p.cmd.Path)
	}
}
