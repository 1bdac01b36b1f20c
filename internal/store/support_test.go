package store_test

import (
	"context"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

// now is when it is in these tests.
var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

var alice = pat.Account{Connector: "directory", ID: "uuid-of-alice"}

// open opens a new database.
func open(tb testing.TB) *store.Store {
	tb.Helper()
	return openAt(tb, filepath.Join(tb.TempDir(), store.FileName))
}

func openAt(tb testing.TB, path string) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), path, store.Options{Now: func() time.Time { return now }})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// token makes a token of alice's that counts for an hour.
func token(name string) pat.Token {
	text := pat.NewText()
	return pat.Token{
		Realm: "corp", ID: text.ID(), Hash: text.Hash(), Account: alice, Name: name,
		Scopes:  []string{"repository:team/**:pull"},
		Created: now, CreatedBy: "administrator", Expires: now.Add(time.Hour),
	}
}

// owner is what is known of alice.
func owner() pat.Owner {
	return pat.Owner{Realm: "corp", Account: alice, Username: "alice", Groups: []string{"platform"}, Seen: now}
}

func create(tb testing.TB, s *store.Store, t pat.Token) pat.Token {
	tb.Helper()
	if err := s.Create(tb.Context(), t, owner(), pat.Limits{}); err != nil {
		tb.Fatal(err)
	}
	return t
}

func revoke(tb testing.TB, s *store.Store, ids ...string) []pat.Token {
	tb.Helper()
	revoked, err := s.Revoke(tb.Context(), "corp", ids, now.Add(time.Minute), "directory:alice")
	if err != nil {
		tb.Fatal(err)
	}
	return revoked
}

// get reads a token.
func get(tb testing.TB, s *store.Store, id string) pat.Token {
	tb.Helper()
	t, err := s.Token(context.WithoutCancel(tb.Context()), "corp", id)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// full is a token with all that one can have.
func full() pat.Token {
	t := token("everything")
	t.Scopes = []string{"repository:team/**:pull,push", "registry:catalog:*"}
	t.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	t.GroupsFixed, t.Groups = true, []string{"ops", "Łódź \"x\""}
	t.Revoked, t.RevokedBy = now.Add(time.Minute), "directory:alice"
	t.LastUsed, t.LastUsedFrom = now.Add(time.Second), netip.MustParseAddr("2001:db8::1")
	return t
}
