package ldap_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// meter counts what a scripted directory sees, connection by connection.
type meter struct {
	mu    sync.Mutex
	conns []net.Conn
	binds [][]string // the DNs bound on each connection
	seeks []int      // the searches on each
}

// serve answers like a script, one request at a time, and keeps count.
func (m *meter) serve(s script) func(net.Conn) {
	return func(c net.Conn) {
		m.mu.Lock()
		n := len(m.conns)
		m.conns, m.binds, m.seeks = append(m.conns, c), append(m.binds, nil), append(m.seeks, 0)
		m.mu.Unlock()
		inner := s
		inner.bind = func(dn, password string) (int, string) {
			m.mu.Lock()
			m.binds[n] = append(m.binds[n], dn)
			m.mu.Unlock()
			if s.bind == nil {
				return 0, ""
			}
			return s.bind(dn, password)
		}
		inner.search = func(string, string) ([]record, int) {
			m.mu.Lock()
			m.seeks[n]++
			m.mu.Unlock()
			return []record{alice()}, 0
		}
		inner.serve(c)
	}
}

// hangUp closes all connections so far.
func (m *meter) hangUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		_ = c.Close()
	}
}

func TestConnectionsAreKeptAndKeptApart(t *testing.T) {
	var m meter
	d := open(t, config(listen(t, m.serve(script{bind: func(_, password string) (int, string) {
		if password == "wrong" {
			return 49, ""
		}
		return 0, ""
	}}))))
	for _, password := range []string{userPassword, "wrong", userPassword, "wrong", userPassword} {
		_, err := login(t, d, "alice", password)
		if (err == nil) != (password == userPassword) {
			t.Fatalf("login with %q: %v", password, err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.conns) != 2 {
		t.Fatalf("%d connections, want 2: one that searches, one that users bind on", len(m.conns))
	}
	if len(m.binds[0]) != 1 || m.binds[0][0] != serviceDN || m.seeks[0] != 5 {
		t.Errorf("the first connection: bound as %q, %d searches, want the service account alone and 5", m.binds[0], m.seeks[0])
	}
	if len(m.binds[1]) != 5 || m.binds[1][0] != alice().dn || m.seeks[1] != 0 {
		t.Errorf("the second connection: bound as %q, %d searches, want alice five times and no search", m.binds[1], m.seeks[1])
	}
}

// TestBrokenConnectionsAreReplaced closes connections while they are idle, as a
// restart of the directory does.
func TestBrokenConnectionsAreReplaced(t *testing.T) {
	var m meter
	d := open(t, config(listen(t, m.serve(script{}))))
	for range 3 {
		if _, err := login(t, d, "alice", userPassword); err != nil {
			t.Fatal(err)
		}
		m.hangUp()
	}
}

// TestBrokenConnectionIsRetriedOnce breaks connections at the moment when they are
// used again, so that only a second try can succeed.
func TestBrokenConnectionIsRetriedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		fresh bool // whether a fresh connection works
		conns int64
	}{
		"fresh ones work":       {true, 2},
		"fresh ones break, too": {false, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var conns atomic.Int64
			d := open(t, config(listen(t, func(c0 net.Conn) {
				n := conns.Add(1)
				answers := 2 // the bind and one search
				if n > 1 && !c.fresh {
					answers = 1
				}
				limited(c0, answers)
			})))
			if _, err := d.Locate(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			_, err := d.Locate(t.Context(), "alice")
			if c.fresh && err != nil {
				t.Errorf("error = %v, want a second try to succeed", err)
			}
			if !c.fresh {
				wantOutage(t, err, "searching for the user: ")
			}
			if got := conns.Load(); got != c.conns {
				t.Errorf("%d connections, want %d", got, c.conns)
			}
		})
	}
}

// limited answers that many requests, then hangs up on the next.
func limited(c net.Conn, answers int) {
	defer func() { _ = c.Close() }()
	for range answers {
		request, err := ber.ReadPacket(c)
		if err != nil {
			return
		}
		id := request.Children[0].Value.(int64)
		if request.Children[1].Tag == opBindRequest {
			write(c, message(id, result(opBindResponse, 0, "")))
			continue
		}
		write(c, message(id, alice().encode()))
		write(c, message(id, result(opSearchDone, 0, "")))
	}
	_, _ = ber.ReadPacket(c)
}

// TestNeighborsOfABrokenConnectionAreDropped breaks one of several idle connections,
// as the first sign of a server that is gone: those opened beside it would cost a
// login each to find that out.
func TestNeighborsOfABrokenConnectionAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const neighbors = 5
		var dials, open atomic.Int64
		var restarted atomic.Bool
		p := ldap.NewPool(func() net.Conn {
			client, server := net.Pipe()
			old := dials.Add(1) <= neighbors
			open.Add(1)
			go func() {
				defer open.Add(-1)
				script{bind: func(string, string) (int, string) {
					if old && restarted.Load() {
						_ = server.Close()
					}
					time.Sleep(time.Second) // so that binds overlap
					return 0, ""
				}}.serve(server)
			}()
			return client
		})
		defer p.Close()
		var group sync.WaitGroup
		for range neighbors {
			group.Go(func() {
				if err := p.Bind(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := open.Load(); n != neighbors {
			t.Fatalf("%d connections are open, want %d", n, neighbors)
		}
		restarted.Store(true)
		if err := p.Bind(t.Context()); err != nil {
			t.Errorf("after a restart: %v", err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := open.Load(); n != 1 {
			t.Errorf("%d connections are open, want the fresh one alone", n)
		}
	})
}

// TestWrongPasswordIsTriedOnce holds that a refused bind is not repeated: each try
// counts toward a lockout.
func TestWrongPasswordIsTriedOnce(t *testing.T) {
	var binds atomic.Int64
	d := open(t, config(listen(t, script{bind: func(dn, _ string) (int, string) {
		if dn == serviceDN {
			return 0, ""
		}
		binds.Add(1)
		return 49, ""
	}}.serve)))
	for range 3 {
		_, _ = login(t, d, "alice", "wrong")
	}
	if got := binds.Load(); got != 3 {
		t.Errorf("%d binds for three logins, want 3", got)
	}
}

// TestPoolsAreBounded holds that callers beyond the connections wait for one.
func TestPoolsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := make(chan struct{}, 200)
		p := ldap.NewPool(func() net.Conn {
			client, server := net.Pipe()
			dials <- struct{}{}
			go script{bind: func(string, string) (int, string) { time.Sleep(100 * time.Millisecond); return 0, "" }}.serve(server)
			return client
		})
		defer p.Close()
		start := time.Now()
		var group sync.WaitGroup
		for range 200 {
			group.Go(func() {
				if err := p.Bind(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if n := len(dials); n != 16 {
			t.Errorf("%d connections for 200 callers, want 16", n)
		}
		if took := time.Since(start); took != 1300*time.Millisecond {
			t.Errorf("200 callers took %v, want 13 rounds of 100ms", took)
		}
	})
}

// TestCrowds has more callers than connections, and a directory that takes its time: who has
// waited until there is too little is not sent on, and whose answer did not come for the wait
// alone does not blame the directory.
func TestCrowds(t *testing.T) {
	for name, c := range map[string]struct {
		takes         time.Duration
		served, binds int64 // of 100 callers with 3.5 s
	}{
		"a second for each":         {time.Second, 48, 48},
		"nearly what there is":      {1900 * time.Millisecond, 16, 32},
		"more than there is for it": {2100 * time.Millisecond, 0, 32}, // the first 16 blame it
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var binds, served, busy, blamed atomic.Int64
				p := ldap.NewPool(func() net.Conn {
					client, server := net.Pipe()
					go script{bind: func(string, string) (int, string) { binds.Add(1); time.Sleep(c.takes); return 0, "" }}.serve(server)
					return client
				})
				defer p.Close()
				var group sync.WaitGroup
				for range 100 {
					ctx, cancel := context.WithTimeoutCause(connectors.CountWaits(t.Context()), 3500*time.Millisecond, ldap.ErrNoAnswer)
					defer cancel()
					group.Go(func() {
						switch err := p.Bind(ctx); {
						case err == nil:
							served.Add(1)
						case errors.Is(err, connectors.ErrBusy):
							busy.Add(1)
						case errors.Is(err, ldap.ErrNoAnswer):
							blamed.Add(1)
						default:
							t.Error(err)
						}
					})
				}
				group.Wait()
				var first int64 // who blame the directory: those who have not waited
				if c.served == 0 {
					first = 16
				}
				if served.Load() != c.served || binds.Load() != c.binds || blamed.Load() != first || busy.Load() != 100-c.served-first {
					t.Errorf("%d were served by %d binds, %d blame the directory and %d were busy, want %+v and no blame but of the first",
						served.Load(), binds.Load(), blamed.Load(), busy.Load(), c)
				}
				time.Sleep(3 * time.Second) // the scripts end
			})
		})
	}
}

// TestPoolsGrow holds that there are as many connections as logins may be at the directory at
// once, whether all of them search or all bind. There are never fewer than 16, for who is looked
// up without a login.
func TestPoolsGrow(t *testing.T) {
	for what, held := range map[string]func(hold func()) script{"searches": heldSearches, "binds": heldBinds} {
		for atOnce, want := range map[int]int64{0: 16, 4: 16, 32: 32, 61: 61} {
			t.Run(fmt.Sprint(atOnce, what), func(t *testing.T) {
				t.Parallel()
				if got := mostAtOnce(t, config(""), atOnce, want, held); got != want {
					t.Errorf("%d %s at once, want %d", got, what, want)
				}
			})
		}
	}
}

// TestTemplatesGrow holds that with users.dn_template each login has a connection.
func TestTemplatesGrow(t *testing.T) {
	for atOnce, want := range map[int]int64{0: 16, 4: 16, 40: 40} {
		t.Run(fmt.Sprint(atOnce), func(t *testing.T) {
			t.Parallel()
			c := config("")
			c.BindDN, c.BindPassword, c.Users = "", connectors.Secret{}, ldap.Users{DNTemplate: "uid={username},ou=people,dc=example"}
			if got := mostAtOnce(t, c, atOnce, want, heldSearches); got != want {
				t.Errorf("%d logins at once, want %d", got, want)
			}
		})
	}
}

// heldSearches is a directory where searches take as long as hold.
func heldSearches(hold func()) script {
	return script{search: func(string, string) ([]record, int) { hold(); return nil, 32 }}
}

// heldBinds is one where people's binds do.
func heldBinds(hold func()) script {
	return script{bind: func(dn, _ string) (int, string) {
		if dn != serviceDN {
			hold()
		}
		return 0, ""
	}}
}

// mostAtOnce has 80 people log in, and returns how many of them are held at most: with those
// that are wanted, it waits a moment for one too many.
func mostAtOnce(t *testing.T, c *ldap.Config, atOnce int, wanted int64, held func(hold func()) script) int64 {
	t.Helper()
	var now atomic.Int64
	release := make(chan struct{})
	c.URL = url(listen(t, held(func() { now.Add(1); <-release }).serve))
	deps := deps()
	deps.AtOnce = atOnce
	d, err := ldap.Open(c, deps)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.(io.Closer).Close() }()
	var group sync.WaitGroup
	for range 80 {
		group.Go(func() {
			a, err := d.Locate(t.Context(), "alice")
			if err == nil {
				_, _ = d.Verify(t.Context(), a, secret(userPassword))
			}
		})
	}
	for deadline := time.Now().Add(20 * time.Second); now.Load() < wanted && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
	}
	time.Sleep(20 * time.Millisecond)
	most := now.Load()
	close(release)
	group.Wait()
	return most
}

// TestWhichConnectionsAreKept holds that a connection on which the server told of its
// own state is not used again.
func TestWhichConnectionsAreKept(t *testing.T) {
	kept := map[int]bool{
		0: true, 32: true, 34: true, 49: true, 50: true, 53: true,
		1: false, 2: false, 8: false, 51: false, 52: false, 80: false,
	}
	for code, want := range kept {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			var dials atomic.Int64
			p := ldap.NewPool(func() net.Conn {
				dials.Add(1)
				client, server := net.Pipe()
				go script{bind: func(string, string) (int, string) { return code, "" }}.serve(server)
				return client
			})
			defer p.Close()
			for range 2 {
				if err := p.Bind(t.Context()); (err == nil) != (code == 0) {
					t.Error(err)
				}
			}
			if got := dials.Load() == 1; got != want {
				t.Errorf("kept: %t, want %t", got, want)
			}
		})
	}
}

// TestCallersWhoHangUp holds that no second connection is opened for a caller who has
// gone while the first one did not answer.
func TestCallersWhoHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials, binds atomic.Int64
		p := ldap.NewPool(func() net.Conn {
			dials.Add(1)
			client, server := net.Pipe()
			go script{bind: func(string, string) (int, string) {
				if binds.Add(1) > 1 {
					time.Sleep(time.Second)
				}
				return 0, ""
			}}.serve(server)
			return client
		})
		defer p.Close()
		if err := p.Bind(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		if err := p.Bind(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want that the caller has gone", err)
		}
		if n := dials.Load(); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
		time.Sleep(time.Second)
	})
}
