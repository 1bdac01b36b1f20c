package connectortest

import (
	"cmp"
	"errors"
	"slices"
	"testing"

	"github.com/shorepass/shorepass/connectors"
)

// wantIdentity fails tb unless id is the identity of the good login.
func (f Fixture) wantIdentity(tb testing.TB, id connectors.Identity) {
	tb.Helper()
	if owner := cmp.Or(f.Tokens, f.Name); id.Connector != owner || id.Via != f.Name {
		tb.Errorf("identity of connector %q via %q, want %q via %q", id.Connector, id.Via, owner, f.Name)
	}
	if id.Kind != connectors.Person {
		tb.Errorf("kind = %v, want %v", id.Kind, connectors.Person)
	}
	if id.ID == "" {
		tb.Error("the identity has no ID")
	}
	if canonical, ok := f.Form.Parse(id.Username); id.Username != f.Username || !ok || id.Username != canonical {
		tb.Errorf("user name = %q, want %q, in canonical form", id.Username, f.Username)
	}
	if got, want := sorted(id.Groups), sorted(f.Groups); !slices.Equal(got, want) {
		tb.Errorf("groups = %q, want %q", got, want)
	}
	switch takesTokens := f.Tokens != ""; {
	case !takesTokens && !id.Ceiling.IsUnlimited():
		tb.Error("the ceiling is not unlimited: a password login may do all its owner may do")
	case !takesTokens && id.Token != "":
		tb.Errorf("a password login is said to be by the token %q", id.Token)
	case takesTokens && (id.Ceiling.IsUnlimited() || len(id.Ceiling.Scopes()) == 0):
		tb.Error("a token has no ceiling of scopes")
	case takesTokens && id.Token == "":
		tb.Error("the identity does not say which token it was")
	}
}

// wantRejected fails tb unless err is a rejection that carries a reason, any of
// reasons where some are given.
func wantRejected(tb testing.TB, err error, reasons ...connectors.Reason) {
	tb.Helper()
	var r *connectors.Rejection
	switch {
	case !errors.As(err, &r):
		tb.Errorf("error = %v, want a *connectors.Rejection", err)
	case errors.Is(err, connectors.ErrNotMine):
		tb.Errorf("error = %v is a rejection and ErrNotMine at once", err)
	case r.Reason == "":
		tb.Error("the rejection carries no reason")
	case len(reasons) > 0 && !slices.Contains(reasons, r.Reason):
		tb.Errorf("reason = %q, want %q", r.Reason, reasons)
	}
}

// wantOutage fails tb unless err is an outage.
func wantOutage(tb testing.TB, err error) {
	tb.Helper()
	if err == nil || isAnswer(err) {
		tb.Errorf("error = %v, want an outage", err)
	}
}

// isAnswer reports whether err says something about the user, rather than about
// the upstream.
func isAnswer(err error) bool {
	return errors.Is(err, connectors.ErrNotMine) || errors.Is(err, connectors.ErrRejected) || errors.Is(err, connectors.ErrGone)
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
