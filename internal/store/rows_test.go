package store_test

import (
	"path/filepath"
	"testing"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

// What cannot be read whole is no token, whatever has written it: half a row might be of
// more rights.
func TestUnreadableRows(t *testing.T) {
	for name, set := range map[string]string{
		"a short hash":              `hash = x'00'`,
		"a long hash":               `hash = zeroblob(33)`,
		"no hash":                   `hash = x''`,
		"no scopes":                 `scopes = 'null'`,
		"scopes that are no list":   `scopes = '"repository:**:*"'`,
		"no networks":               `networks = 'null'`,
		"networks that are none":    `networks = '["everywhere"]'`,
		"no groups":                 `"groups" = 'null'`,
		"an address that is none":   `last_used_from = 'home'`,
		"networks that are no JSON": `networks = ''`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), store.FileName)
			s := openAt(t, path)
			one := create(t, s, full())
			c, leave := other(t, path, "ignore_check_constraints(1)")
			exec(t, c, `UPDATE tokens SET `+set)
			leave()
			if got, err := s.Token(t.Context(), "corp", one.ID); err == nil {
				t.Errorf("%+v", got)
			}
			recovers(t, s)
			if got, err := s.Tokens(t.Context(), pat.Filter{Realm: "corp"}); err == nil {
				t.Errorf("in a list: %+v", got)
			}
		})
	}
}

// What is known of an owner whose groups are not there is nothing: a deny might be missed.
func TestUnreadableOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), store.FileName)
	s := openAt(t, path)
	create(t, s, token("one"))
	c, leave := other(t, path)
	exec(t, c, `UPDATE owners SET "groups" = 'null'`)
	leave()
	if got, err := s.Owner(t.Context(), "corp", alice); err == nil {
		t.Errorf("%+v", got)
	}
}

// A token that was read before a revocation is not taken into the cache after it.
func TestReadOverlapsRevocation(t *testing.T) {
	s := open(t)
	one, two := create(t, s, token("one")), create(t, s, token("two"))
	takeIn := s.Read("corp", one.ID)
	revoke(t, s, one.ID)
	takeIn(one)
	if get(t, s, one.ID).Revoked.IsZero() {
		t.Error("the cache has it as it was")
	}
	stale := two
	stale.Name = "of the cache"
	s.Read("corp", two.ID)(stale)
	if got := get(t, s, two.ID); got.Name != stale.Name {
		t.Error("nothing is taken in: the test would not see it")
	}
}

// What was acknowledged is on the disk: the log is synced at every commit.
func TestDurable(t *testing.T) {
	s := open(t)
	const full = 2
	if got, err := s.Pragma(t.Context(), "synchronous"); err != nil || got < full {
		t.Errorf("synchronous = %d, %v", got, err)
	}
	if got, err := s.Pragma(t.Context(), "foreign_keys"); err != nil || got != 1 {
		t.Errorf("foreign_keys = %d, %v", got, err)
	}
}
