//go:build !unix

package demo

import "syscall"

// processAttributes adds nothing: there are no process groups as on Unix.
func processAttributes() *syscall.SysProcAttr { return nil }
