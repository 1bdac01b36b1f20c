package demo

import "syscall"

// processAttributes puts the broker into a process group of its own, so that Ctrl-C
// reaches the demo alone, which then ends the broker; and has the kernel end it
// where the demo dies without a chance to.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
}
