package store_test

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

// A token comes back as it was kept, from the file and from the cache.
func TestTokenComesBack(t *testing.T) {
	for name, want := range map[string]pat.Token{"least": token("least"), "full": full(), "lists of one text": alike()} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			create(t, s, want)
			for _, from := range []string{"file", "cache"} {
				got := get(t, s, want.ID)
				if got.Networks, got.Groups = none(got.Networks), none(got.Groups); !reflect.DeepEqual(got, want) {
					t.Errorf("from the %s\n%+v\nwant\n%+v", from, got, want)
				}
			}
		})
	}
}

// alike is a token whose lists are written the same.
func alike() pat.Token {
	t := full()
	t.Networks, t.Scopes, t.Groups = nil, nil, nil
	for _, n := range []string{"10.0.0.0/8", "2001:db8::/32"} {
		t.Networks, t.Scopes, t.Groups = append(t.Networks, netip.MustParsePrefix(n)), append(t.Scopes, n), append(t.Groups, n)
	}
	return t
}

// A token or an owner whose lists cannot be read is none: without its networks, a token
// would count from everywhere.
func TestListThatIsNone(t *testing.T) {
	for name, column := range map[string]string{"scopes": "scopes", "networks": "networks", "groups": `"groups"`} {
		for _, text := range []string{"null", "{}", `"10.0.0.0/8"`, "[1]"} {
			t.Run(name+" "+text, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), store.FileName)
				s := openAt(t, path)
				kept := create(t, s, full())
				c, _ := other(t, path)
				exec(t, c, `UPDATE tokens SET `+column+` = '`+text+`'`)
				if got, err := s.Token(t.Context(), "corp", kept.ID); err == nil || !strings.Contains(err.Error(), "its "+name+": ") {
					t.Errorf("%+v, %v", got, err)
				}
				exec(t, c, `UPDATE owners SET "groups" = '`+text+`'`)
				if got, err := s.Owner(t.Context(), "corp", alice); err == nil || !strings.Contains(err.Error(), "its groups: ") {
					t.Errorf("%+v, %v", got, err)
				}
			})
		}
	}
}

// none is nil for an empty list.
func none[T any](items []T) []T {
	if len(items) == 0 {
		return nil
	}
	return items
}

func TestNoToken(t *testing.T) {
	s := open(t)
	kept := create(t, s, token("ci"))
	for name, at := range map[string][2]string{
		"unknown id":    {"corp", "000000000000"},
		"another realm": {"other", kept.ID},
		"a pattern":     {"corp", "%"},
		"empty":         {"corp", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := s.Token(t.Context(), at[0], at[1]); !errors.Is(err, pat.ErrNoToken) || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// A name is taken by the tokens that still count, of one account in one realm.
func TestNames(t *testing.T) {
	ended := token("ci")
	ended.Created, ended.Expires = now.Add(-2*time.Hour), now
	live := token("ci")
	bob := token("ci")
	bob.Account.ID = "uuid-of-bob"
	namesake := token("ci")
	namesake.Account.Connector = "local"
	elsewhere := token("ci")
	elsewhere.Realm = "other"
	for _, tt := range []struct {
		name  string
		there pat.Token
		next  pat.Token
		gone  bool // what is there is revoked
		want  error
	}{
		{"live", live, token("ci"), false, pat.ErrNameTaken},
		{"another name", live, token("CI"), false, nil},
		{"revoked", live, token("ci"), true, nil},
		{"expired", ended, token("ci"), false, nil},
		{"another's", bob, token("ci"), false, nil},
		{"another's of the same id", namesake, token("ci"), false, nil},
		{"another realm's", elsewhere, token("ci"), false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t)
			of := owner()
			of.Account, of.Realm = tt.there.Account, tt.there.Realm
			if err := s.Create(t.Context(), tt.there, of, pat.Limits{}); err != nil {
				t.Fatal(err)
			}
			if tt.gone {
				revoke(t, s, tt.there.ID)
			}
			if err := s.Create(t.Context(), tt.next, owner(), pat.Limits{}); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if _, err := s.Token(t.Context(), "corp", tt.next.ID); (err == nil) != (tt.want == nil) {
				t.Errorf("the new token: %v", err)
			}
		})
	}
}

// A refused creation leaves the owner as it was: it is one transaction.
func TestCreateIsOneTransaction(t *testing.T) {
	s := open(t)
	create(t, s, token("ci"))
	later := owner()
	later.Groups, later.Seen = []string{"other"}, now.Add(time.Hour)
	if err := s.Create(t.Context(), token("ci"), later, pat.Limits{}); !errors.Is(err, pat.ErrNameTaken) {
		t.Fatal(err)
	}
	if got, err := s.Owner(t.Context(), "corp", alice); err != nil || !reflect.DeepEqual(got, owner()) {
		t.Errorf("the owner is %+v, %v", got, err)
	}
}

func TestCreateWithoutOwner(t *testing.T) {
	s := open(t)
	if err := s.Create(t.Context(), token("ci"), pat.Owner{}, pat.Limits{}); !errors.Is(err, pat.ErrNoOwner) {
		t.Errorf("of nobody who is known: %v", err)
	}
	if err := s.SaveOwners(t.Context(), []pat.Owner{owner()}); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), token("ci"), pat.Owner{}, pat.Limits{}); err != nil {
		t.Errorf("of somebody who is known: %v", err)
	}
}

func TestTokens(t *testing.T) {
	s := open(t)
	older, newer, ended, taken := token("older"), token("newer"), token("ended"), token("taken")
	older.Created = now.Add(-time.Minute)
	ended.Created, ended.Expires = now.Add(-3*time.Minute), now
	taken.Created = now.Add(-2 * time.Minute)
	bobs := token("bobs")
	bobs.Account, bobs.Created = pat.Account{Connector: "local", ID: "bob"}, now.Add(-4*time.Minute)
	elsewhere := token("elsewhere")
	elsewhere.Realm = "other"
	namesake := token("namesake")
	namesake.Account, namesake.Created = pat.Account{Connector: "local", ID: alice.ID}, now.Add(-5*time.Minute)
	for _, one := range []pat.Token{older, newer, ended, taken, bobs, elsewhere, namesake} {
		of := pat.Owner{Realm: one.Realm, Account: one.Account, Username: "alice", Seen: now}
		switch one.Account {
		case bobs.Account:
			of.Username = "bob"
		case namesake.Account:
			of.Username = "namesake"
		}
		if err := s.Create(t.Context(), one, of, pat.Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	revoke(t, s, taken.ID)
	for _, tt := range []struct {
		name   string
		filter pat.Filter
		want   []string
	}{
		{"all of a realm", pat.Filter{Realm: "corp"}, []string{"newer", "older", "taken", "ended", "bobs", "namesake"}},
		{"live", pat.Filter{Realm: "corp", Live: true}, []string{"newer", "older", "bobs", "namesake"}},
		{"bob's", pat.Filter{Realm: "corp", Accounts: []pat.Account{bobs.Account}}, []string{"bobs"}},
		{"a user's", pat.Filter{Realm: "corp", Accounts: []pat.Account{alice}}, []string{"newer", "older", "taken", "ended"}},
		{"two accounts'", pat.Filter{Realm: "corp", Accounts: []pat.Account{bobs.Account, alice}, Live: true}, []string{"newer", "older", "bobs"}},
		{"nobody's", pat.Filter{Realm: "corp", Accounts: []pat.Account{}}, nil},
		{"an account's that are live", pat.Filter{Realm: "corp", Accounts: []pat.Account{alice}, Live: true}, []string{"newer", "older"}},
		{"an account's whose id another connector has, too", pat.Filter{Realm: "corp", Accounts: []pat.Account{namesake.Account}}, []string{"namesake"}},
		{"another realm's", pat.Filter{Realm: "other", Accounts: []pat.Account{alice}}, []string{"elsewhere"}},
		{"no realm's", pat.Filter{}, nil},
		{"one", pat.Filter{Realm: "corp", ID: taken.ID}, []string{"taken"}},
		{"one of another realm", pat.Filter{Realm: "other", ID: taken.ID}, nil},
		{"a page", pat.Filter{Realm: "corp", Limit: 2}, []string{"newer", "older"}},
		{"the next page", pat.Filter{Realm: "corp", Limit: 2, After: pat.Place{Created: older.Created, ID: older.ID}}, []string{"taken", "ended"}},
		{"the last page", pat.Filter{Realm: "corp", Limit: 2, After: pat.Place{Created: ended.Created, ID: ended.ID}}, []string{"bobs", "namesake"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tokens, err := s.Tokens(t.Context(), tt.filter)
			var names []string
			for _, one := range tokens {
				names = append(names, one.Name)
			}
			if err != nil || !slices.Equal(names, tt.want) {
				t.Errorf("%v, %v, want %v", names, err, tt.want)
			}
		})
	}
}

// Tokens that were made within a second come in the order of their ids, each once.
func TestPages(t *testing.T) {
	s := open(t)
	var want []string
	for i := range 7 {
		want = append(want, create(t, s, token(fmt.Sprint(i))).ID)
	}
	slices.Sort(want)
	var got []string
	f := pat.Filter{Realm: "corp", Limit: 3}
	for {
		page, err := s.Tokens(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, one := range page {
			got = append(got, one.ID)
			f.After = pat.Place{Created: one.Created, ID: one.ID}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestRevoke(t *testing.T) {
	s := open(t)
	one, two, three := create(t, s, token("one")), create(t, s, token("two")), create(t, s, token("three"))
	get(t, s, one.ID) // into the cache
	revoked := revoke(t, s, one.ID, two.ID, "000000000000")
	if len(revoked) != 2 || revoked[0].ID != one.ID || !revoked[0].Revoked.Equal(now.Add(time.Minute)) || revoked[0].RevokedBy != "directory:alice" {
		t.Errorf("revoked: %+v", revoked)
	}
	for id, want := range map[string]bool{one.ID: true, two.ID: true, three.ID: false} {
		if got := !get(t, s, id).Revoked.IsZero(); got != want {
			t.Errorf("token %s is revoked: %t", id, got)
		}
	}
	again, err := s.Revoke(t.Context(), "corp", []string{one.ID, three.ID}, now.Add(time.Hour), "administrator")
	if err != nil || len(again) != 1 || again[0].ID != three.ID {
		t.Errorf("revoked again: %+v, %v", again, err)
	}
	if got := get(t, s, one.ID); !got.Revoked.Equal(now.Add(time.Minute)) || got.RevokedBy != "directory:alice" {
		t.Errorf("the first revocation was written over: %+v", got)
	}
	if elsewhere, err := s.Revoke(t.Context(), "other", []string{one.ID}, now, "administrator"); err != nil || len(elsewhere) != 0 {
		t.Errorf("of another realm: %+v, %v", elsewhere, err)
	}
}

func TestRecordUses(t *testing.T) {
	s := open(t)
	one, two := create(t, s, token("one")), create(t, s, token("two"))
	use := func(id string, at time.Time, from string) pat.Use {
		u := pat.Use{Realm: "corp", ID: id, At: at}
		if from != "" {
			u.From = netip.MustParseAddr(from)
		}
		return u
	}
	record := func(uses ...pat.Use) {
		t.Helper()
		if err := s.RecordUses(t.Context(), uses); err != nil {
			t.Fatal(err)
		}
	}
	record(
		use(one.ID, now, "10.0.0.1"),
		use(one.ID, now.Add(-time.Minute), "10.0.0.2"), // older
		use(two.ID, now, ""),
		use("000000000000", now, "10.0.0.3"),
	)
	if got := get(t, s, one.ID); !got.LastUsed.Equal(now) || got.LastUsedFrom.String() != "10.0.0.1" {
		t.Errorf("used %s from %s", got.LastUsed, got.LastUsedFrom)
	}
	three := create(t, s, token("three"))
	record(use(three.ID, now.Add(24*time.Hour), "10.0.0.4")) // by a clock that was wrong
	record(use(three.ID, now, "10.0.0.5"))
	if got := get(t, s, three.ID); !got.LastUsed.Equal(now) || got.LastUsedFrom.String() != "10.0.0.5" {
		t.Errorf("used %s from %s", got.LastUsed, got.LastUsedFrom)
	}
	if got := get(t, s, two.ID); !got.LastUsed.Equal(now) || got.LastUsedFrom.IsValid() {
		t.Errorf("used %s from %s", got.LastUsed, got.LastUsedFrom)
	}
	if err := s.RecordUses(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestHasTokens(t *testing.T) {
	s := open(t)
	has := func(realm string, a pat.Account, want bool) {
		t.Helper()
		if got, err := s.HasTokens(t.Context(), realm, a); err != nil || got != want {
			t.Errorf("HasTokens = %t, %v", got, err)
		}
	}
	ended := token("ended")
	ended.Expires = now
	create(t, s, ended)
	has("corp", alice, false)
	one := create(t, s, token("one"))
	has("corp", alice, true)
	has("other", alice, false)
	has("corp", pat.Account{Connector: "local", ID: alice.ID}, false)
	revoke(t, s, one.ID)
	has("corp", alice, false)
}

// What is counted is the account's, in its realm: neither that of another account of the
// same id, nor another realm's, nor what no longer counts.
func TestLimits(t *testing.T) {
	s := open(t)
	namesake, elsewhere, before, revoked := token("ci"), token("ci"), token("before"), token("revoked")
	namesake.Account.Connector = "local"
	elsewhere.Realm = "other"
	before.Created = now.Add(-24 * time.Hour)
	for _, one := range []pat.Token{namesake, elsewhere, before, revoked} {
		of := pat.Owner{Realm: one.Realm, Account: one.Account, Username: "alice", Seen: now}
		if err := s.Create(t.Context(), one, of, pat.Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	revoke(t, s, revoked.ID) // live is one, and another one is today's
	for _, tt := range []struct {
		most pat.Limits
		want error
	}{
		{pat.Limits{Live: 1, Day: 9}, pat.ErrTooMany},
		{pat.Limits{Live: 9, Day: 1}, pat.ErrTooFast},
		{pat.Limits{Live: 2, Day: 2}, nil},
		{pat.Limits{Live: 2, Day: 3}, pat.ErrTooMany},
		{pat.Limits{Live: 3, Day: 2}, pat.ErrTooFast},
		{pat.Limits{}, nil},
	} {
		if err := s.Create(t.Context(), token(fmt.Sprint(tt.most)), owner(), tt.most); !errors.Is(err, tt.want) {
			t.Errorf("%+v: error %v, want %v", tt.most, err, tt.want)
		}
	}
}
