package e2e_test

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to set back when somebody has logged in

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestKeycloakSelfService has people of Keycloak make tokens with their password. Nobody
// can look them up there: the groups of a token are those of the last login, until that is
// too long ago.
func TestKeycloakSelfService(t *testing.T) {
	k := startKeycloak(t)
	b := keycloakBroker(t, k, "    connectors:\n", tokensConnector)
	d := readDescription(t)
	alice := holder{t, b, "Alice@corp.example", "alice-password", nil}
	token, id := alice.makes("--name", "ci", "--scope", "repository:platform/**:pull,push")
	uses := func(want int) {
		t.Helper()
		a := b.Token(t, "ci", token, service, "repository:platform/app:pull,push")
		if a.Status != want {
			t.Fatalf("the token is answered with %d, want %d: %s", a.Status, want, a.Body)
		}
		if want != http.StatusOK {
			return
		}
		if c := a.Claims(t); c.Subject != "sso:alice" || len(c.Access) != 1 || strings.Join(c.Access[0].Actions, " ") != "pull push" {
			t.Errorf("claims %+v", c)
		}
	}
	uses(http.StatusOK)
	if status, body := alice.asks(d, http.MethodGet, "/tokens/"+id, ""); status != http.StatusOK || !strings.Contains(body, `"owner":"sso:alice"`) {
		t.Errorf("%d %s", status, body)
	}

	seenBefore(t, b, 2*time.Hour) // max_login_age is one
	uses(http.StatusUnauthorized)
	if e := b.Audit(t); e[len(e)-1].Reason != "owner-unseen" {
		t.Errorf("recorded as %+v", e[len(e)-1])
	}
	ok(t, alice.token("list")) // logs in
	uses(http.StatusOK)

	rita := holder{t, b, "rita", "rita-password", nil}
	refused(t, rita.token("list"), "ask whoever runs this registry for an access token")
	refused(t, holder{t, b, "carol", "wrong", nil}.token("list"), "wrong user name or password")
	ok(t, alice.token("revoke", id))
	uses(http.StatusUnauthorized)
}

// seenBefore stops the program, sets back when it learned of people last, and starts it
// anew.
func seenBefore(t *testing.T, b *stack.Broker, ago time.Duration) {
	t.Helper()
	if err := b.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	b.Wait(t, 20*time.Second)
	db, err := sql.Open("sqlite", filepath.Join(b.Dir, "data", "shorepass.db"))
	if err != nil {
		t.Fatal(err)
	}
	changed, err := db.ExecContext(t.Context(), "UPDATE owners SET seen = seen - ?", int(ago.Seconds()))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := changed.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("nobody was known: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b.Serve(t)
}
