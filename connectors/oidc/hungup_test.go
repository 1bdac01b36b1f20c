package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// TestDoubtAfterAHangUp holds that a login which the provider was sent, and which nobody waits
// for any more, leaves a refusal in doubt, as one does that took too long.
func TestDoubtAfterAHangUp(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	arrived := make(chan struct{})
	p.handlers[pathToken] = func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}
	d, err := oidc.New(p.config(), connectors.Deps{Name: "sso"}, oidc.NewAccounts())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	go func() {
		<-arrived
		hangUp()
	}()
	alice := connectors.Account{Username: "alice"}
	if _, err := d.Verify(ctx, alice, connectors.NewSecret("one")); !errors.Is(err, context.Canceled) {
		t.Fatalf("the login that was given up: error %v", err)
	}
	p.mu.Lock()
	delete(p.handlers, pathToken)
	p.mu.Unlock()
	if _, err := d.Verify(t.Context(), alice, connectors.NewSecret("another")); !errors.Is(err, connectors.ErrInDoubt) {
		t.Errorf("the next one: error %v, want doubt", err)
	}
}
