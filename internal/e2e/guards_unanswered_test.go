package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// holding stands before a directory, and keeps the answers to binds back where it is told to.
type holding struct {
	addr, to string
	people   bool        // people's binds alone
	breaks   bool        // it closes the connection in place of the answer
	on       atomic.Bool // it does so
}

// startHolding starts it before the directory at a URL.
func startHolding(t *testing.T, to string, people, breaks bool) *holding {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &holding{addr: l.Addr().String(), to: strings.TrimSuffix(strings.TrimPrefix(to, "ldap://"), "/"), people: people, breaks: breaks}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { h.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		group.Wait() // their clients have ended
	})
	return h
}

// serve passes everything on, and back what it is not to keep. It stays until the directory
// has answered a bind whose answer is kept: slapd drops what it has not begun where the
// connection ends.
func (h *holding) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	up, err := net.Dial("tcp", h.to)
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	var mute atomic.Bool
	answered := make(chan struct{}) // or the directory has ended the connection
	go func() {
		defer close(answered)
		for {
			p, err := ber.ReadPacket(up)
			if err != nil {
				return
			}
			if mute.Load() {
				break
			}
			_, _ = c.Write(p.Bytes())
		}
		if h.breaks {
			_ = c.Close()
		}
	}()
	for {
		p, err := ber.ReadPacket(c)
		if err != nil {
			break
		}
		if h.on.Load() && h.keeps(p) {
			mute.Store(true)
			_ = up.SetReadDeadline(time.Now().Add(30 * time.Second))
		}
		_, _ = up.Write(p.Bytes())
	}
	if mute.Load() {
		<-answered
	}
	_ = up.Close()
	<-answered
}

// keeps reports whether a request is a bind whose answer is to be kept back.
func (h *holding) keeps(p *ber.Packet) bool {
	if len(p.Children) < 2 || p.Children[1].ClassType != ber.ClassApplication || p.Children[1].Tag != 0 || len(p.Children[1].Children) < 2 {
		return false
	}
	return !h.people || strings.HasPrefix(p.Children[1].Children[1].Data.String(), "uid=person")
}

// TestUnansweredBinds has a machine send an old password again and again to a directory that
// answers searches and no binds, or none of people, or whose connections break then. It counts
// what it does not answer, and locks nobody.
func TestUnansweredBinds(t *testing.T) {
	for _, tt := range []struct {
		name    string
		people  bool
		breaks  bool
		servers int // which are one
		sent    int
		logins  int // by which that is
	}{
		{"any", false, false, 1, 1, 8},
		{"people's", true, false, 1, budget, budget},
		{"people's, of two servers", true, false, 2, budget, budget - 1},
		{"people's, and breaks", true, true, 1, budget, budget - 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := &guarded{slapd: slapd.Start(t, slapd.Options{NoTLS: true, LDIF: lockingPolicy()})}
			var holds []*holding
			var urls []string
			for range tt.servers {
				h := startHolding(t, g.slapd.URL, tt.people, tt.breaks)
				holds, urls = append(holds, h), append(urls, "ldap://"+h.addr)
			}
			hold := func(on bool) {
				for _, h := range holds {
					h.on.Store(on)
				}
			}
			g.broker = stack.StartBroker(t, program, fmt.Sprintf(`listen: '{{listen}}'
monitor: '{{monitor}}'
trusted_proxies: [127.0.0.0/8, '::1']
realms:
  - name: lasting
    services: [%s]
    connectors:
      - name: directory
        type: ldap
        guard: {cache: {ttl: 0s}}
        config:
          url: [%s]
          insecure_plaintext: true
          bind_dn: %s
          bind_password: %s
          users: {base_dn: '%s'}
    policy: {rules: [{name: home, authenticated: true, repositories: ["home/{user}/**"], allow: [pull, push]}]}
`, lasting, strings.Join(urls, ", "), slapd.ServiceDN, slapd.ServicePassword, slapd.Suffix), nil)
			p := g.person(t)
			wantStatus(t, "the owner, before", g.get(t, p.at(p.home, p.password)), http.StatusOK)
			hold(true)
			old := p.at(p.away, "her-old-password")
			for i := range 8 {
				if got := g.get(t, old); got.Status != http.StatusServiceUnavailable && (i < tt.logins || got.Status != http.StatusTooManyRequests) {
					t.Errorf("the old password, time %d: status %d: %s", i+1, got.Status, got.Body)
				}
			}
			g.wantBinds(t, "while the answers are kept back", p.name, 1+tt.sent)
			g.wantFailures(t, p.name, tt.sent)
			hold(false)
			await(t, "login, when it answers again", func() bool { return g.get(t, p.at(p.home, p.password)).Status == http.StatusOK })
			g.wantUnlocked(t, p)
		})
	}
}
