package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// addresses are where everything listens. Clients treat localhost as a registry
// without TLS, and want the same host name for a registry and its token endpoint.
type addresses struct{ registryAddr, brokerAddr, monitorAddr, ldap, ldaps string }

func newAddresses(first int) addresses {
	at := func(host string, i int) string { return fmt.Sprintf("%s:%d", host, first+i) }
	return addresses{at("localhost", 0), at("localhost", 1), at("localhost", 2), at("127.0.0.1", 3), at("127.0.0.1", 4)}
}

// check fails where somebody has one of the ports already.
func (a addresses) check(ctx context.Context) error {
	var busy []string
	for _, one := range []struct{ addr, need string }{
		{a.registryAddr, "the registry"}, {a.brokerAddr, "the broker"}, {a.monitorAddr, "the broker's monitor"}, {a.ldap, "slapd"}, {a.ldaps, "slapd"},
	} {
		if taken(ctx, one.addr) {
			_, port, _ := net.SplitHostPort(one.addr)
			busy = append(busy, fmt.Sprintf("port %s is taken by another program, and %s needs it: ss -ltnp 'sport = :%[1]s' says which", port, one.need))
		}
	}
	if busy == nil {
		return nil
	}
	return errors.New(strings.Join(busy, "\n") + "\nStop it, or choose other ports, for which there is a lab of its own: make lab PORT=6020")
}

// taken reports whether somebody has the port of an address. Asking comes first: on
// some systems a listener on all addresses does not keep others from a single one.
func taken(ctx context.Context, addr string) bool {
	if answers(ctx, addr) {
		return true
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return true
	}
	_ = l.Close()
	return false
}

// answers reports whether somebody listens at an address.
func answers(ctx context.Context, addr string) bool {
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
