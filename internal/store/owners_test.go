package store_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

func TestOwner(t *testing.T) {
	s := open(t)
	if _, err := s.Owner(t.Context(), "corp", alice); !errors.Is(err, pat.ErrNoOwner) {
		t.Errorf("of nobody: %v", err)
	}
	save := func(o pat.Owner) {
		t.Helper()
		if err := s.SaveOwners(t.Context(), []pat.Owner{o}); err != nil {
			t.Fatal(err)
		}
	}
	at := func(seen time.Time, groups ...string) pat.Owner {
		o := owner()
		o.Seen, o.Groups = seen, groups
		return o
	}
	first, later, older := at(now.Add(-time.Hour), "platform"), at(now, "ops", "Łódź"), at(now.Add(-2*time.Hour), "old")
	later.Username, later.Gone = "alice2", true
	ahead, further, corrected := at(now.Add(24*time.Hour), "ahead"), at(now.Add(48*time.Hour), "further"), at(now.Add(pat.ClockStep), "corrected")
	for _, step := range []struct{ save, want pat.Owner }{
		{first, first},
		{later, later},
		{older, later},
		{first, later},
		{ahead, later}, // was seen by a clock that was wrong
		{corrected, corrected},
		{later, corrected},
	} {
		save(step.save)
		if got, err := s.Owner(t.Context(), "corp", alice); err != nil || !reflect.DeepEqual(got, step.want) {
			t.Errorf("%+v, %v, want %+v", got, err, step.want)
		}
	}
	second := open(t) // where the first that is kept is of a clock that is wrong
	for _, step := range []struct{ save, want pat.Owner }{{ahead, ahead}, {further, further}, {older, older}, {ahead, older}} {
		if err := second.SaveOwners(t.Context(), []pat.Owner{step.save}); err != nil {
			t.Fatal(err)
		}
		if got, err := second.Owner(t.Context(), "corp", alice); err != nil || !reflect.DeepEqual(got, step.want) {
			t.Errorf("%+v, %v, want %+v", got, err, step.want)
		}
	}
	if _, err := s.Owner(t.Context(), "other", alice); !errors.Is(err, pat.ErrNoOwner) {
		t.Errorf("of another realm: %v", err)
	}
}

// Of several owners, all are kept or none.
func TestSaveOwners(t *testing.T) {
	path := filepath.Join(t.TempDir(), store.FileName)
	s := openAt(t, path)
	second := owner()
	second.Account.ID = "uuid-of-bob"
	c, leave := other(t, path)
	exec(t, c, `CREATE TRIGGER no_bob BEFORE INSERT ON owners WHEN NEW.account = 'uuid-of-bob' BEGIN SELECT RAISE(FAIL, 'no bob'); END`)
	if err := s.SaveOwners(t.Context(), []pat.Owner{owner(), second}); err == nil {
		t.Fatal("no error")
	}
	recovers(t, s)
	if _, err := s.Owner(t.Context(), "corp", alice); !errors.Is(err, pat.ErrNoOwner) {
		t.Errorf("the first one: %v", err)
	}
	exec(t, c, `DROP TRIGGER no_bob`)
	leave()
	recovers(t, s)
	if err := s.SaveOwners(t.Context(), []pat.Owner{owner(), second}); err != nil {
		t.Fatal(err)
	}
	for _, a := range []pat.Account{alice, second.Account} {
		if _, err := s.Owner(t.Context(), "corp", a); err != nil {
			t.Errorf("%s: %v", a.ID, err)
		}
	}
}

// A user name that was given to somebody else belongs to two accounts.
func TestOwners(t *testing.T) {
	s := open(t)
	second := owner()
	second.Account.ID, second.Seen = "uuid-of-the-next-alice", now.Add(time.Minute)
	for _, o := range []pat.Owner{owner(), second} {
		if err := s.SaveOwners(t.Context(), []pat.Owner{o}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Owners(t.Context(), "corp", "directory", "alice")
	if err != nil || !reflect.DeepEqual(got, []pat.Owner{second, owner()}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.Owners(t.Context(), "corp", "local", "alice"); err != nil || len(got) != 0 {
		t.Errorf("of another connector: %+v, %v", got, err)
	}
}
