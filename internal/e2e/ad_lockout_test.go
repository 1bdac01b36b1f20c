package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/e2e/samba"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// testADLockout has the domain lock accounts after five wrong passwords, and the guards, as
// they are by default, keep logins from getting there.
func testADLockout(t *testing.T, d *samba.Domain) {
	d.LockAfter(t, 5)
	defer d.LockAfter(t, 0)
	config, files := adExample(t, d)
	t.Run("connect", func(t *testing.T) { testADLockoutTold(t, d, config, files) })
	config = replace(t, config, "[192.0.2.10]", "[127.0.0.1]", ", "+d.Controllers[1].URL(), "") // each counts for itself
	g := &guarded{broker: stack.StartBroker(t, program, config, files)}
	t.Run("stale credentials", func(t *testing.T) { testADStale(t, d, g) })
	t.Run("different passwords", func(t *testing.T) { testADGuesses(t, d, g) })
	t.Run("other reasons", func(t *testing.T) { testADOtherReasons(t, g) })
	t.Run("locked elsewhere", func(t *testing.T) { testADLockedElsewhere(t, d, g) })
}

// testADLockoutTold has check --connect compare the guards with the domain's policy, and
// with that of somebody whom another was made for, which the service account may not read.
func testADLockoutTold(t *testing.T, d *samba.Domain, config string, files map[string]string) {
	for name, args := range map[string][]string{"everybody": nil, "joiner": {"--user", "joiner"}, "a-guessed": {"--user", "a-guessed"}} {
		r := stack.NewBroker(t, program, config, files).Command(t, "", append([]string{"check", "--connect"}, args...)...)
		text := steadySID(steadySteps(r.Text(), d.Controllers[0].Host, "DC1", d.Controllers[1].Host, "DC2"))
		golden(t, "directories/ad-lockout-"+name+".txt", fromLockout(t, text))
	}
}

// counted is what the domain has counted against somebody below OU=Staff.
func counted(t *testing.T, d *samba.Domain, name string) (failures, locked string) {
	t.Helper()
	dn := "CN=" + name + ",OU=Staff," + samba.Root
	return d.Value(t, dn, "badPwdCount"), d.Value(t, dn, "lockoutTime")
}

// wantCounted fails the test unless the domain has counted so many wrong passwords, and has
// not locked the account.
func wantCounted(t *testing.T, d *samba.Domain, what, name, want string) {
	t.Helper()
	if failures, locked := counted(t, d, name); failures != want || isSet(locked) {
		t.Errorf("%s: badPwdCount %q, lockoutTime %q, want %s and none", what, failures, locked, want)
	}
}

// isSet reports whether a time in an entry is one.
func isSet(time string) bool { return time != "" && time != "0" }

// lastReason is that of the last line of the audit log.
func (g *guarded) lastReason(t *testing.T) connectors.Reason {
	t.Helper()
	entries := g.broker.Audit(t)
	return connectors.Reason(entries[len(entries)-1].Reason)
}

// wantNothingCounted fails the test unless the guards know of somebody's refused password, and
// have counted none as wrong.
func (g *guarded) wantNothingCounted(t *testing.T, name string) {
	t.Helper()
	list := ok(t, g.broker.Command(t, "", "lockouts", "list", "--user", name, "--json"))
	var held []server.Lockout
	if err := json.Unmarshal([]byte(list), &held); err != nil {
		t.Fatalf("%v: %s", err, list)
	}
	if len(held) != 1 || held[0].Refused != 1 || held[0].Counted != 0 || held[0].Until != "" {
		t.Errorf("%s: the guards hold %s, want one password that is not counted", name, list)
	}
}

// testADStale sends one old password again and again, as machines do.
func testADStale(t *testing.T, d *samba.Domain, g *guarded) {
	stale := attempt{from: "198.51.100.1", name: "joiner", password: "joiners-old-password"}
	if got := g.atOnce(t, 200, stale); got[http.StatusUnauthorized] != 200 {
		t.Errorf("200 at once are answered with %v", got)
	}
	for _, name := range []string{`CORP\joiner`, "joiner"} {
		stale.name = name
		wantStatus(t, name, g.get(t, stale), http.StatusUnauthorized)
		if got := g.lastReason(t); got != connectors.ReasonKnownWrong {
			t.Errorf("%s: the audit log has %q", name, got)
		}
	}
	wantCounted(t, d, "one wrong password, 202 times", "Joiner", "1")
	stale.password = "joiner-password"
	wantStatus(t, "the right one", g.get(t, stale), http.StatusOK)
}

// testADGuesses has somebody elsewhere try forty passwords, by all names of one person.
func testADGuesses(t *testing.T, d *samba.Domain, g *guarded) {
	owner := attempt{from: "192.0.2.2", name: "bob", password: "bob-password"}
	wantStatus(t, "at first", g.get(t, owner), http.StatusOK)
	ok(t, g.broker.Command(t, "", "cache", "clear"))
	var (
		group   sync.WaitGroup
		answers [40]stack.Answer
		few     = make(chan struct{}, 8) // at once: Samba lets no more wait to be connected
	)
	for i := range answers {
		name := []string{"bob", `CORP\bob`, "robert@corp.example"}[i%3]
		group.Go(func() {
			few <- struct{}{}
			defer func() { <-few }()
			answers[i] = g.get(t, attempt{from: "198.51.100.2", name: name, password: fmt.Sprint("guess-", i)})
		})
	}
	group.Wait()
	refused := 0
	for i, a := range answers {
		if a.Status == http.StatusUnauthorized {
			refused++
			continue
		}
		wantStatus(t, fmt.Sprint("guess ", i), a, http.StatusTooManyRequests)
	}
	if refused != 3 {
		t.Errorf("%d of 40 are answered with 401, want 3", refused)
	}
	wantCounted(t, d, "40 wrong passwords", "Robert Roe", "3")
	guess := owner
	guess.from = "198.51.100.2"
	wantStatus(t, "the right one from elsewhere, as a guess would be", g.get(t, guess), http.StatusTooManyRequests)
	wantStatus(t, "from the usual address", g.get(t, owner), http.StatusOK)
	wantCounted(t, d, "after that", "Robert Roe", "0")
}

// testADOtherReasons holds that what is refused for another reason than a wrong password
// is asked again each time: it does not count in the domain, and may end at any time.
func testADOtherReasons(t *testing.T, g *guarded) {
	for user, want := range adReasons() {
		for range budget + 2 {
			wantStatus(t, user, g.get(t, attempt{from: "198.51.100.3", name: user, password: user + "-password"}), http.StatusUnauthorized)
			if got := g.lastReason(t); got != want {
				t.Errorf("%s: the audit log has %q, want %q", user, got, want)
			}
		}
		g.wantNothingCounted(t, user)
	}
}

// testADLockedElsewhere has wrong passwords lock an account past Shorepass: the right one,
// refused meanwhile, is right as soon as the account is unlocked.
func testADLockedElsewhere(t *testing.T, d *samba.Domain, g *guarded) {
	direct := ldapConnector(t, adConfig(d))
	for i := range 5 {
		_, _ = signIn(t, direct, "eve", fmt.Sprint("typed-at-a-desk-", i))
	}
	if _, locked := counted(t, d, "eve"); !isSet(locked) {
		t.Fatal("five wrong passwords have not locked the account")
	}
	eve := attempt{from: "192.0.2.4", name: "eve", password: "eve-password"}
	for range budget + 2 {
		wantStatus(t, "while locked", g.get(t, eve), http.StatusUnauthorized)
		if got := g.lastReason(t); got != connectors.ReasonLocked {
			t.Errorf("while locked: the audit log has %q, want %q", got, connectors.ReasonLocked)
		}
	}
	g.wantNothingCounted(t, eve.name)
	d.Modify(t, "dn: CN=eve,OU=Staff,"+samba.Root+"\nchangetype: modify\nreplace: lockoutTime\nlockoutTime: 0\n")
	wantStatus(t, "once unlocked", g.get(t, eve), http.StatusOK)
}
