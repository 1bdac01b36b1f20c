package freeport

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
)

// For is a port of 127.0.0.1 at which nobody listens until the test ends, but for who was
// told of it.
func For(tb testing.TB) int {
	tb.Helper()
	port, release, err := Hold()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(release)
	return port
}

// Hold is [For] until release is called, or the process ends.
//
// A socket is bound to the port, and does not listen. The operating system gives the port to
// nobody then who asks for any, a client or a listener; who asks for this one gets it, with
// SO_REUSEADDR set as servers have it. That is so on Linux: elsewhere the port is let go at
// once, and was free a moment ago.
func Hold() (port int, release func(), err error) {
	socket, err := open()
	if err != nil {
		return 0, nil, fmt.Errorf("a free port: %w", os.NewSyscallError("socket", err))
	}
	port, err = bind(socket)
	if err != nil || runtime.GOOS != "linux" {
		return port, func() {}, errors.Join(err, syscall.Close(socket))
	}
	return port, func() { _ = syscall.Close(socket) }, nil
}

// open opens a socket that no other program gets.
func open() (socket int, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if socket, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0); err == nil {
		syscall.CloseOnExec(socket)
	}
	return socket, err
}

// bind binds the socket to a port that is free.
func bind(socket int) (port int, err error) {
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	address, err := syscall.Getsockname(socket)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	return address.(*syscall.SockaddrInet4).Port, nil
}
