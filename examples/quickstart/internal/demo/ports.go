package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Port is an address that the demo listens on, and what for.
type Port struct {
	Address string
	Need    string
}

// CheckPorts fails with advice where somebody else has one of the ports. system is
// the operating system, as runtime.GOOS names it.
func CheckPorts(ctx context.Context, ports []Port, system string) error {
	var busy []string
	for _, p := range ports {
		if isFree(ctx, p.Address) {
			continue
		}
		busy = append(busy, advice(p, system))
	}
	if len(busy) == 0 {
		return nil
	}
	return errors.New(strings.Join(busy, "\n\n"))
}

// isFree reports whether nobody answers at the address and it can be listened on.
// Asking comes first: on some systems a listener on all addresses does not keep
// others from a single one.
func isFree(ctx context.Context, address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	dialer := net.Dialer{Timeout: time.Second}
	for _, host := range []string{"127.0.0.1", "::1"} {
		if conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, port)); err == nil {
			_ = conn.Close()
			return false
		}
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// isAddress reports whether there is a port in it.
func isAddress(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

// advice says what is wrong with a port and what to do about it.
func advice(p Port, system string) string {
	_, port, _ := net.SplitHostPort(p.Address)
	find := "lsof -nP -iTCP:" + port + " -sTCP:LISTEN"
	if system == "linux" {
		find = "ss -ltnp 'sport = :" + port + "'"
	}
	text := fmt.Sprintf("port %s is taken by another program, and %s needs it.\n"+
		"  Find out which program:  %s\n"+
		"  Stop it (perhaps the demo is running already), then start the demo again.", port, p.Need, find)
	if system == "darwin" && port == "5000" {
		text += "\n  On macOS this is often AirPlay Receiver: switch it off in System Settings,\n" +
			"  General, AirDrop & Handoff."
	}
	return text
}
