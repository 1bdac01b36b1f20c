package store_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
)

func TestOwner(t *testing.T) {
	s := open(t)
	if _, err := s.Owner(t.Context(), "corp", alice); !errors.Is(err, pat.ErrNoOwner) {
		t.Errorf("of nobody: %v", err)
	}
	save := func(o pat.Owner) {
		t.Helper()
		if err := s.SaveOwner(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	first, later, older := owner(), owner(), owner()
	later.Username, later.Groups, later.Seen, later.Gone = "alice2", []string{"ops", "Łódź"}, now.Add(time.Minute), true
	older.Groups, older.Seen = []string{"old"}, now.Add(-time.Minute)
	for _, step := range []struct{ save, want pat.Owner }{{first, first}, {later, later}, {older, later}, {first, later}} {
		save(step.save)
		if got, err := s.Owner(t.Context(), "corp", alice); err != nil || !reflect.DeepEqual(got, step.want) {
			t.Errorf("%+v, %v, want %+v", got, err, step.want)
		}
	}
	if _, err := s.Owner(t.Context(), "other", alice); !errors.Is(err, pat.ErrNoOwner) {
		t.Errorf("of another realm: %v", err)
	}
}

// A user name that was given to somebody else belongs to two accounts.
func TestOwners(t *testing.T) {
	s := open(t)
	second := owner()
	second.Account.ID, second.Seen = "uuid-of-the-next-alice", now.Add(time.Minute)
	for _, o := range []pat.Owner{owner(), second} {
		if err := s.SaveOwner(t.Context(), o); err != nil {
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
