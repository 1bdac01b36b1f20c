package e2e_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// moveAway has the clients come to the broker from another address of this machine: at the
// broker's own stands a forwarder from then on. back undoes that.
func (w *world) moveAway(t *testing.T) (back func()) {
	t.Helper()
	inner := stack.FreeAddr(t)
	w.restart(t, "listen: "+w.broker.Addr, "listen: "+inner)
	outer, err := net.Listen("tcp", w.broker.Addr)
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() { forward(outer, inner, &open) })
	return func() {
		t.Helper()
		_ = outer.Close()
		w.restart(t, "listen: "+inner, "listen: "+w.broker.Addr)
		open.Wait()
	}
}

// forward takes connections, until the listener is closed, and passes them on from the
// address there.
func forward(l net.Listener, to string, open *sync.WaitGroup) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(there)}}
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		open.Go(func() {
			defer client.Close()
			server, err := d.Dial("tcp", to)
			if err != nil {
				return // the client sees it
			}
			defer server.Close()
			var sent sync.WaitGroup
			sent.Go(func() {
				_, _ = io.Copy(server, client)
				_ = server.(*net.TCPConn).CloseWrite()
			})
			_, _ = io.Copy(client, server)
			_ = client.Close()
			sent.Wait()
		})
	}
}
