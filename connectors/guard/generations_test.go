package guard_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// deskAt is a desk by the name of its upstream.
type deskAt struct {
	*desk
	upstream string
}

func (d deskAt) Upstream() string { return d.upstream }

// generationAt is a connector made with a shield that is older than it.
func generationAt(t *testing.T, s *guard.Shield, d *desk, realm, upstream string) connectors.Connector {
	t.Helper()
	c := guard.Password(deskAt{d, upstream}, guard.Config{
		Shield: s, Realm: realm, Name: "directory", Settings: guard.Settings{Lockout: guard.LockoutSettings{Budget: 3, Familiar: 1, Window: time.Hour}},
	})
	t.Cleanup(func() { _ = c.(interface{ Close() error }).Close() })
	return c
}

// TestMoved has a directory be reached another way, again and again, and holds that what was
// counted of its accounts counts on, and at no other's.
func TestMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := newDesk(), guard.NewShield(guard.Limits{})
		sent := func(c connectors.Connector, password string) bool {
			before := len(d.verified)
			_, _ = c.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret(password)})
			return len(d.verified) > before
		}
		if !sent(generationAt(t, s, d, "corp", "ldap://a"), "wrong 1") {
			t.Fatal("the first guess was not sent")
		}
		for i, to := range []string{"ldap://a ldap://b", "ldap://b", "ldap://a"} {
			from := []string{"ldap://a", "ldap://a ldap://b", "ldap://b"}[i]
			c := generationAt(t, s, d, "corp", to)
			s.Moved(from, to)
			if sent(c, "wrong 1") {
				t.Errorf("%s: what is known to be wrong was sent again", to)
			}
			if password := []string{"wrong 2", "wrong 3", "wrong 4"}[i]; sent(c, password) != (i < 2) {
				t.Errorf("%s: %s was sent: %t", to, password, i >= 2)
			}
		}
		if l := s.List(); len(l) != 1 || l[0].Counted != 3 {
			t.Errorf("lockouts: %+v", l)
		}
	})
}

// TestMovedApart has two directories take the place of one, and that one come back, and holds
// that none of them has the accounts of another.
func TestMovedApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := newDesk(), guard.NewShield(guard.Limits{})
		wrong := func(c connectors.Connector) error {
			_, err := c.Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret("wrong")})
			return err
		}
		sent := func() int { return len(d.verified) }
		first := generationAt(t, s, d, "first", "all")
		_ = wrong(first)
		b, c := generationAt(t, s, d, "one", "b"), generationAt(t, s, d, "two", "c")
		s.Moved("all", "b")
		s.Moved("all", "c")
		back := generationAt(t, s, d, "three", "all")
		for i, tt := range []struct {
			at   connectors.Connector
			sent int // by then
		}{{first, 1}, {b, 1}, {c, 2}, {back, 3}, {b, 3}, {c, 3}, {back, 3}, {first, 3}} {
			if err := wrong(tt.at); !errors.Is(err, connectors.ErrRejected) || sent() != tt.sent {
				t.Errorf("%d: error %v, %d were sent, want %d", i, err, sent(), tt.sent)
			}
		}
	})
}

// TestFinish holds that a login which the directory was sent is carried to its end although its
// client has hung up, and the connector is to be closed.
func TestFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := newDesk(), guard.NewShield(guard.Limits{})
		d.takes(time.Second)
		c := generationAt(t, s, d, "corp", "ldap://a")
		ctx, hangUp := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer hangUp()
		begun := time.Now()
		_, err := c.Authenticate(ctx, connectors.Credentials{Username: "alice", Password: connectors.NewSecret("wrong")})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 100*time.Millisecond {
			t.Fatalf("error %v after %v", err, time.Since(begun))
		}
		c.(interface{ Finish() }).Finish()
		if took := time.Since(begun); took != time.Second {
			t.Errorf("it took %v", took)
		}
		if l := s.List(); len(l) != 1 || l[0].Counted != 1 {
			t.Errorf("lockouts: %+v", l)
		}
	})
}
