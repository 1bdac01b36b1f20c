package e2e_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
)

// ldapPools is how many connections the connector may have open: 16 that search and
// 16 that users bind on.
const ldapPools = 32

// TestLDAPConnections signs 200 people in at once, rightly and wrongly, and reads
// in the server's log what happened on which connection.
func TestLDAPConnections(t *testing.T) {
	s := slapd.Start(t, slapd.Options{})
	d := openLDAP(t, ldapsConfig(s))
	mark := len(s.Log())
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			name := []string{"alice", "bob", "carol", "jane"}[i%4]
			if i%10 == 9 {
				if _, err := unguarded(t, d, name, "wrong"); !errors.Is(err, connectors.ErrRejected) {
					t.Errorf("wrong password of %s: %v", name, err)
				}
				return
			}
			if id, err := unguarded(t, d, name, name+"-password"); err != nil || id.Username != name {
				t.Errorf("login of %s: %q, %v", name, id.Username, err)
			}
		})
	}
	group.Wait()
	s.Settle(t)

	open, most, binds := 0, 0, 0
	bound := make(map[int]string)
	for _, e := range s.Events(mark) {
		switch e.Kind {
		case "ACCEPT":
			open++
			most = max(most, open)
		case "CLOSE":
			open--
		case "BIND":
			if bound[e.Conn] == slapd.ServiceDN || e.DN == slapd.ServiceDN && bound[e.Conn] != "" {
				t.Errorf("connection %d, bound as %s, was bound as %s", e.Conn, bound[e.Conn], e.DN)
			}
			bound[e.Conn] = e.DN
			if e.DN != slapd.ServiceDN {
				binds++
			}
		case "SRCH":
			if bound[e.Conn] != slapd.ServiceDN {
				t.Errorf("connection %d was searched on, bound as %q", e.Conn, bound[e.Conn])
			}
		}
	}
	if binds != 200 {
		t.Errorf("%d binds of users, want 200", binds)
	}
	if most > ldapPools || len(bound) > ldapPools {
		t.Errorf("%d connections at once, %d in all, want %d at most", most, len(bound), ldapPools)
	}
}

// TestLDAPBlankPasswords holds that blank passwords reach no server: it might take
// them for anonymous binds.
func TestLDAPBlankPasswords(t *testing.T) {
	s := slapd.Start(t, slapd.Options{Config: "allow bind_anon_cred bind_anon_dn"})
	d := openLDAP(t, ldapConfig(s))
	c := ldapConnector(t, ldapConfig(s))
	a, err := d.Locate(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	s.Settle(t)
	mark := len(s.Log())
	for _, password := range []string{"", "\x00", "\x00\x00\x00"} {
		_, err := signIn(t, c, "alice", password)
		wantReason(t, err, connectors.ReasonEmptyPassword)
		_, err = d.Verify(t.Context(), a, connectors.NewSecret(password))
		wantReason(t, err, connectors.ReasonEmptyPassword)
	}
	s.Settle(t)
	if got := s.Asked(mark); len(got) != 0 {
		t.Errorf("the server noticed %v:\n%s", got, s.Log()[mark:])
	}
	if _, err := d.Verify(t.Context(), a, connectors.NewSecret("alice-password")); err != nil {
		t.Fatal(err)
	}
	s.Settle(t)
	if len(s.Asked(mark)) == 0 {
		t.Error("not even a right password shows in the log: the test tests nothing")
	}
}

// TestLDAPIdleConnections lets the server close connections that are idle.
func TestLDAPIdleConnections(t *testing.T) {
	t.Parallel()
	s := slapd.Start(t, slapd.Options{Config: "idletimeout 1"})
	c := ldapConnector(t, ldapsConfig(s))
	for range 2 {
		mustSignIn(t, c, "alice")
		mark := len(s.Log())
		for deadline := time.Now().Add(10 * time.Second); strings.Count(s.Log()[mark:], "closed (idletimeout)") < 2; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the server closes no idle connections:\n%s", s.Log()[mark:])
			}
		}
	}
	mustSignIn(t, c, "alice")
}

// BenchmarkLDAPLogin compares a login over kept connections with one that connects
// anew, both over LDAPS: a search and a bind, without groups.
func BenchmarkLDAPLogin(b *testing.B) {
	s := slapd.Start(b, slapd.Options{})
	cfg := ldapsConfig(s)
	cfg.Groups = nil
	b.Run("kept", func(b *testing.B) {
		d := openLDAP(b, cfg)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := unguarded(b, d, "alice", "alice-password"); err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
	})
	b.Run("anew", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := connectAndSignIn(b, cfg); err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
	})
}

// connectAndSignIn opens connections for one login and closes them.
func connectAndSignIn(b *testing.B, cfg *ldap.Config) error {
	d, err := newLDAP(cfg)
	if err != nil {
		return err
	}
	_, err = unguarded(b, d, "alice", "alice-password")
	return errors.Join(err, d.Close())
}
