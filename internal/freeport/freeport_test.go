package freeport_test

import (
	"errors"
	"net"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/shorepass/shorepass/internal/freeport"
)

// TestForOne holds that nobody listens at a port before who was told of it does, that he can,
// again and again, and that others cannot then.
func TestForOne(t *testing.T) {
	addr := "127.0.0.1:" + strconv.Itoa(freeport.For(t))
	for range 3 {
		if c, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("before anybody listens: %v, %v", c, err)
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if another, err := net.Listen("tcp", addr); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("two listen at it: %v, %v", another, err)
		}
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Close(), l.Close()
	}
}

// TestNobodyElseGetsOne holds that a port which is held is given to nobody who asks for any: of
// so many that are chosen by chance, two would be the same.
func TestNobodyElseGetsOne(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // ports are held on Linux alone
	}
	seen := map[int]bool{}
	for range 500 {
		port := freeport.For(t)
		if seen[port] {
			t.Fatalf("%d was given away twice", port)
		}
		seen[port] = true
	}
}

// TestRelease holds that a port is anybody's afterwards, also who sets nothing to get it.
func TestRelease(t *testing.T) {
	port, release, err := freeport.Hold()
	if err != nil {
		t.Fatal(err)
	}
	release()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(socket)
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Error(err)
	}
}
