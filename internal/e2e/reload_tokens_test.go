package e2e_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// pushes reports whether a token may push where alice's team may, and fails where it is refused.
func pushes(t *testing.T, b *stack.Broker, token string) bool {
	t.Helper()
	a := b.Token(t, "ci", token, service, "repository:platform/app:push")
	if a.Status != http.StatusOK {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	return len(a.Claims(t).Access) == 1
}

// TestReloadForgetsOwners holds that the directory is asked anew about the owners of access
// tokens after a reload and a restart, and that neither undoes a wish for that; and that what was
// known still counts where it does not answer.
func TestReloadForgetsOwners(t *testing.T) {
	t.Parallel()
	w := newReloading(t)
	token := w.broker.AccessToken(t, "--owner", "directory:alice", "--name", "ci", "--scope", "repository:**:pull,push")
	member := func(name string) {
		w.slapd.Modify(t, "dn: cn=platform,ou=groups,dc=corp,dc=example\nchangetype: modify\nreplace: member\nmember: uid="+name+",ou=people,dc=corp,dc=example\n")
	}
	forget := func() { ok(t, w.broker.Command(t, "", "cache", "clear")) }
	again := map[string]func(){"reload": func() { reload(t, w.broker, reloaded) }, "restart": func() { restarted(t, w.broker) }}
	for name, do := range map[string]func(){
		"a reload": again["reload"], "a restart": again["restart"],
		"a reload after cache clear": func() { forget(); again["reload"]() }, "a restart after cache clear": func() { forget(); again["restart"]() },
	} {
		member("alice")
		forget()
		if !pushes(t, w.broker, token) {
			t.Fatalf("before %s, a member of the team may not push", name)
		}
		member("bob")
		if !pushes(t, w.broker, token) {
			t.Fatalf("before %s, the directory is asked each time: the test shows nothing", name)
		}
		do()
		if pushes(t, w.broker, token) {
			t.Errorf("after %s, somebody who is no longer in the team may push", name)
		}
	}
	member("alice")
	forget()
	if !pushes(t, w.broker, token) {
		t.Fatal("a member of the team may not push")
	}
	w.slapd.Pause(t)
	for name, do := range again {
		do()
		if !pushes(t, w.broker, token) {
			t.Errorf("after a %s in an outage, a member of the team may not push", name)
		}
	}
	w.slapd.Resume(t)
}

// TestReloadDuringALogin holds that what a login shows counts for tokens that was under way when
// the configuration was read.
func TestReloadDuringALogin(t *testing.T) {
	t.Parallel()
	var left atomic.Bool // alice has left the team
	asked, answer := make(chan struct{}), make(chan struct{})
	b := startAsking(t, verifies(func(*http.Request) string {
		if !left.Load() {
			return `["platform"]`
		}
		asked <- struct{}{}
		<-answer
		return `[]`
	}), "        guard: {cache: {ttl: 0s}}\n", `{name: team, groups: ["people:platform"], repositories: ["platform/**"], allow: [pull, push]}`)
	wantStatus(t, "a login", b.Token(t, "alice", "alice-password", service), http.StatusOK)
	token := b.AccessToken(t, "--owner", "people:alice", "--name", "ci", "--scope", "repository:**:pull,push")

	left.Store(true)
	done := make(chan error)
	go func() {
		_, err := b.Ask(context.Background(), "alice", "alice-password", service)
		done <- err
	}()
	<-asked
	reload(t, b, reloaded)
	if !pushes(t, b, token) {
		t.Error("a login counts that has not come to its end")
	}
	answer <- struct{}{}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if pushes(t, b, token) {
		t.Error("a login that was under way at the reload counts for nothing")
	}
	reload(t, b, reloaded)
	if pushes(t, b, token) {
		t.Error("what it has shown is forgotten at the next reload")
	}
}

// TestReloadKeepsUnwritten holds that a reload loses nothing that the database could not take:
// no owner who is gone comes back.
func TestReloadKeepsUnwritten(t *testing.T) {
	t.Parallel()
	w := newReloading(t)
	token := w.broker.AccessToken(t, "--owner", "directory:alice", "--name", "ci", "--scope", "repository:**:pull")
	want := func(what string, status int) {
		t.Helper()
		wantStatus(t, what, w.broker.Token(t, "ci", token, service), status)
	}
	want("an owner in the directory", http.StatusOK)
	leave := holdDatabase(t, database(w.broker), "BEGIN IMMEDIATE;")
	w.slapd.Modify(t, "dn: uid=alice,ou=people,dc=corp,dc=example\nchangetype: delete\n")
	ok(t, w.broker.Command(t, "", "cache", "clear"))
	want("an owner who is gone", http.StatusUnauthorized)
	w.slapd.Pause(t)
	reload(t, w.broker, reloaded)
	want("after a reload", http.StatusUnauthorized)
	leave()
	restarted(t, w.broker)
	want("after a restart", http.StatusUnauthorized)
	w.slapd.Resume(t)
}
