package e2e_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestKeysRotateByThemselves starts the program with a leaf that turns thirty days old
// a few seconds later: a new one signs from then on, a registry that is never
// restarted takes both, and the act is in the audit log.
func TestKeysRotateByThemselves(t *testing.T) {
	config := "listen: '{{listen}}'\nmonitor: '{{monitor}}'\npublic_url: http://{{listen}}\n" + example(t, "small-team/shorepass.yaml")
	b := stack.NewBroker(t, program, config, map[string]string{"users.yaml": example(t, "small-team/users.yaml")})
	due := time.Now().Add(8 * time.Second)
	_, err := token.Open(token.Config{
		Dir: filepath.Join(b.Dir, "data", "keys", "team"), Realm: "team", Algorithm: token.ES256,
		Now: func() time.Time { return due.AddDate(0, 0, -30) },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Serve(t)
	r := stack.StartRegistry(t, b, stack.V3)
	ask := func() string {
		return b.Token(t, "bob", "bob-password", "registry.team.example", "repository:web/app:pull").Token
	}
	old := ask()
	fresh := old
	for deadline := time.Now().Add(40 * time.Second); header(fresh) == header(old); fresh = ask() {
		if time.Now().After(deadline) {
			t.Fatal("the leaf is past its thirty days and still signs")
		}
		time.Sleep(500 * time.Millisecond)
	}
	for what, token := range map[string]string{"old": old, "fresh": fresh} {
		if got := manifest(t, r, "web/app", token); got != http.StatusNotFound {
			t.Errorf("%s token: status %d", what, got)
		}
	}
	if list := b.Command(t, "", "keys", "list").Stdout; !strings.Contains(list, "retired") {
		t.Errorf("keys list prints\n%s", list)
	}
	acts := 0
	for _, e := range b.Audit(t) {
		if e.Reason == "rotate-keys" {
			acts++
		}
	}
	if acts != 1 {
		t.Errorf("%d rotations are in the audit log, want one", acts)
	}
}
