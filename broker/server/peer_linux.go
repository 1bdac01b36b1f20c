package server

import (
	"net"
	"syscall"
)

// uidOf asks the kernel who is at the other end (SO_PEERCRED, unix(7)).
func uidOf(c *net.UnixConn) (uid uint32, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		peer, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED) //nolint:gosec // a descriptor fits an int
		if err == nil {
			uid, ok = peer.Uid, true
		}
	})
	return uid, ok && err == nil
}
