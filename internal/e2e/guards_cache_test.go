package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
)

// TestRememberedLogins counts, in the directory's own log, what logins cost it that it has
// let pass before.
func TestRememberedLogins(t *testing.T) {
	t.Parallel()
	g := startGuarded(t, atOnce()...)

	t.Run("two hundred at once", func(t *testing.T) {
		t.Parallel()
		p := g.person(t)
		if got := g.atOnce(t, 200, p.at(p.home, p.password)); got[http.StatusOK] != 200 {
			t.Errorf("statuses %v", got)
		}
		g.wantBinds(t, "200 at once", p.name, 1)
		for _, send := range ways {
			wantStatus(t, "once more", send(g, t, p.at(p.away, p.password)), http.StatusOK)
		}
		g.wantBinds(t, "and again, every way and from elsewhere", p.name, 1)
		ok(t, g.broker.Command(t, "", "cache", "clear", "--user", p.name))
		wantStatus(t, "after cache clear", g.get(t, p.at(p.home, p.password)), http.StatusOK)
		g.wantBinds(t, "after cache clear", p.name, 2)
	})

	t.Run("after its time", func(t *testing.T) {
		t.Parallel()
		p := g.person(t)
		wantStatus(t, "first", g.get(t, p.at(p.home, p.password).to(brief)), http.StatusOK)
		time.Sleep(briefly)
		wantStatus(t, "later", g.get(t, p.at(p.home, p.password).to(brief)), http.StatusOK)
		g.wantBinds(t, "after the time to live", p.name, 2)
	})

	t.Run("a changed password", func(t *testing.T) {
		t.Parallel()
		p := g.person(t)
		old := p.at(p.home, p.password).to(brief)
		wantStatus(t, "first", g.get(t, old), http.StatusOK)
		g.slapd.Modify(t, "dn: "+dnOf(p.name)+"\nchangetype: modify\nreplace: userPassword\nuserPassword: another\n")
		p.password = "another"
		wantStatus(t, "the new one at once", g.get(t, p.at(p.home, p.password).to(brief)), http.StatusOK)
		time.Sleep(briefly)
		wantStatus(t, "the old one", g.get(t, old), http.StatusUnauthorized)
	})

	t.Run("a name of the next connector", func(t *testing.T) {
		t.Parallel()
		login := attempt{from: "192.0.2.250", name: "breakglass", password: "breakglass-password"}
		for range 10 {
			wantStatus(t, "break-glass account", g.get(t, login), http.StatusOK)
		}
		if n := g.searches(t, login.name); n != 1 {
			t.Errorf("ten logins cost the directory %d searches, want 1", n)
		}
		for _, want := range []int{2, 3} {
			wantStatus(t, "break-glass account, briefly", g.get(t, login.to(brief)), http.StatusOK)
			if n := g.searches(t, login.name); n != want {
				t.Errorf("%d searches, want %d", n, want)
			}
			time.Sleep(briefly)
		}
		g.slapd.Load(t, personOf(login.name, slapd.People))
		if got := g.get(t, login.to(brief)).Claims(t).Subject; got != "directory:"+login.name {
			t.Errorf("once the directory has the name, it is %s", got)
		}
	})
}
