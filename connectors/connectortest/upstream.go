package connectortest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// checkDown holds that an upstream which cannot be reached fails no login for
// good: the answer is an outage, and it comes in time. The guards know such an outage by its
// mark, so that they leave alone what is down; of tokens, there are none.
func checkDown(tb testing.TB, f Fixture) {
	if f.Down == nil {
		return
	}
	c := f.Down(tb)
	cred := f.Good.credentials()
	took := time.Hour
	for range 3 { // on a busy machine one may take its time
		start := time.Now()
		if !c.Handles(cred) {
			tb.Error("the connector does not handle the good login while its upstream is down")
		}
		took = min(took, time.Since(start))
	}
	if took > 100*time.Millisecond {
		tb.Errorf("Handles took %v: it must not ask the upstream", took)
	}
	start := time.Now()
	_, err := c.Authenticate(tb.Context(), cred)
	wantOutage(tb, err)
	if f.Tokens == "" && !errors.Is(err, connectors.ErrUnreachable) {
		tb.Errorf("error = %v, which is not marked: want ErrUnreachable", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		tb.Errorf("the outage took %v to be noticed, want 5s at most", took)
	}
	r, ok := c.(connectors.Resolver)
	if !ok {
		return
	}
	_, err = r.Resolve(tb.Context(), "00000000-0000-0000-0000-000000000000")
	wantOutage(tb, err)
}

// checkResolve holds that a resolved identity is the one that a login gives.
func checkResolve(tb testing.TB, f Fixture) {
	c := f.New(tb)
	r, ok := c.(connectors.Resolver)
	if !ok {
		return
	}
	login, err := c.Authenticate(tb.Context(), f.Good.credentials())
	if err != nil {
		tb.Fatalf("the good login failed: %v", err)
	}
	id, err := r.Resolve(tb.Context(), login.ID)
	if err != nil {
		tb.Fatalf("Resolve of the login's ID failed: %v", err)
	}
	f.wantIdentity(tb, id)
	if id.ID != login.ID || !slices.Equal(sorted(id.Groups), sorted(login.Groups)) {
		tb.Errorf("resolved %s with groups %q, the login gave %s with %q", id.ID, id.Groups, login.ID, login.Groups)
	}
}

func checkResolveUnknown(tb testing.TB, f Fixture) {
	c := f.New(tb)
	r, ok := c.(connectors.Resolver)
	if !ok {
		return
	}
	for _, id := range []string{"", "*", "00000000-0000-0000-0000-000000000000", "nobody)(objectClass=*", "\x00", "\xff"} {
		if got, err := r.Resolve(tb.Context(), id); !errors.Is(err, connectors.ErrGone) {
			tb.Errorf("Resolve(%q) = %q, %v, want ErrGone", id, got.Username, err)
		}
	}
}

func checkResolveDisabled(tb testing.TB, f Fixture) {
	if f.DisabledID == "" {
		return
	}
	r, ok := f.New(tb).(connectors.Resolver)
	if !ok {
		tb.Fatal("connectortest: the fixture has a DisabledID, and the connector is no Resolver")
	}
	if got, err := r.Resolve(tb.Context(), f.DisabledID); !errors.Is(err, connectors.ErrGone) {
		tb.Errorf("Resolve of a disabled account = %q, %v, want ErrGone", got.Username, err)
	}
}
