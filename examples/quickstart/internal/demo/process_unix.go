//go:build unix && !linux

package demo

import "syscall"

// processAttributes puts the broker into a process group of its own, so that Ctrl-C
// reaches the demo alone, which then ends the broker.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
