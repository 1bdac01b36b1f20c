package oidc_test

import (
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// cable joins connections to a server, until those that there are go dead without a word,
// as behind a firewall that has forgotten them.
type cable struct {
	to string

	mu   sync.Mutex
	ends []net.Conn
	cut  map[net.Conn]bool
	work sync.WaitGroup
}

// newCable returns a cable to a server, and its address.
func newCable(t *testing.T, to string) (*cable, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &cable{to: to, cut: map[net.Conn]bool{}}
	x.work.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			x.join(near)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		x.mu.Lock()
		for _, end := range x.ends {
			_ = end.Close()
		}
		x.mu.Unlock()
		x.work.Wait()
	})
	return x, listener.Addr().String()
}

func (x *cable) join(near net.Conn) {
	far, err := net.Dial("tcp", x.to)
	if err != nil {
		_ = near.Close()
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ends = append(x.ends, near, far)
	x.work.Go(func() { x.copy(near, far) })
	x.work.Go(func() { x.copy(far, near) })
}

func (x *cable) copy(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		x.mu.Lock()
		dead := x.cut[from]
		x.mu.Unlock()
		if dead && err == nil {
			continue
		}
		if err != nil {
			_ = to.Close()
			return
		}
		_, _ = to.Write(buffer[:n])
	}
}

// die has the connections that there are go dead.
func (x *cable) die() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, end := range x.ends {
		x.cut[end] = true
	}
}

// TestHalfOpenConnections has connections die unseen after many logins at once. They cost
// one login its deadline, not one login each.
func TestHalfOpenConnections(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	x, address := newCable(t, p.Listener.Addr().String())
	p.edit = func(d map[string]any) { d["token_endpoint"] = "http://" + address + pathToken }
	// Twelve connections at once: nobody is answered before all have asked.
	var all sync.WaitGroup
	all.Add(12)
	p.handlers[pathToken] = func(w http.ResponseWriter, r *http.Request) {
		all.Done()
		all.Wait()
		p.serveToken(w, r)
	}
	c := p.connect()
	var group sync.WaitGroup
	for range 12 {
		group.Go(func() { c.mustLogin(t) })
	}
	group.Wait()
	p.mu.Lock()
	delete(p.handlers, pathToken)
	p.mu.Unlock()
	x.die()
	failed := 0
	for start := time.Now(); ; {
		_, err := c.login(t.Context())
		if err == nil {
			break
		}
		if failed++; time.Since(start) > 10*time.Second {
			t.Fatalf("after ten seconds: %v", err)
		}
	}
	if failed > 1 {
		t.Errorf("%d logins failed, want one at most", failed)
	}
}
