package cmd_test

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
)

// TestServerElsewhere holds that no password goes unencrypted to another machine that a
// name below localhost was made to stand for.
func TestServerElsewhere(t *testing.T) {
	dns, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dns.Close() })
	go answerAll(dns, net.IPv4(192, 0, 2, 1))
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", dns.LocalAddr().String())
	}}
	code, out, errs := own(t, "http://login.localhost:1", "list")
	if code != 1 || out != "" || !strings.Contains(errs, "192.0.2.1:1 is another machine, where your password would go unencrypted") {
		t.Errorf("exits %d: %s%s", code, out, errs)
	}
}

// answerAll answers every question for an IPv4 address with ip, and others with nothing
// (RFC 1035 §4.1).
func answerAll(dns net.PacketConn, ip net.IP) {
	const header, typeA = 12, 1
	packet := make([]byte, 512)
	for {
		n, from, err := dns.ReadFrom(packet)
		if err != nil {
			return
		}
		end := header
		for end < n && packet[end] != 0 {
			end += int(packet[end]) + 1
		}
		end += 5 // the root, the type and the class
		if end > n {
			continue
		}
		answer := append([]byte{}, packet[:end]...)
		answer[2], answer[3] = 0x81, 0x80 // a response, without an error
		clear(answer[6:header])
		if binary.BigEndian.Uint16(answer[end-4:]) == typeA {
			answer[7] = 1
			answer = append(answer, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4)
			answer = append(answer, ip.To4()...)
		}
		_, _ = dns.WriteTo(answer, from)
	}
}
