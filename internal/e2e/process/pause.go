package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Pause stops the process with its sockets open, until it gets SIGCONT. It returns when
// each thread has stopped: on a busy machine one may run on for a while and still
// answer.
func (p *Process) Pause() error { return Pause(p.PID()) }

// Pause is [Process.Pause] for a process that was started in another way.
func Pause(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return os.NewSyscallError("kill", err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		stopped, err := isStopped(pid)
		if stopped || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d does not stop", pid)
		}
	}
}

// isStopped reports whether every thread is in state T of proc_pid_stat(5).
func isStopped(pid int) (bool, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		return false, fmt.Errorf("process %d has no threads in /proc: %w", pid, os.ErrProcessDone)
	}
	for _, thread := range threads {
		stat, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended since
		}
		if _, state, found := bytes.Cut(stat, []byte(") ")); !found || state[0] != 'T' {
			return false, nil
		}
	}
	return true, nil
}
