package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

func TestPrune(t *testing.T) {
	long := now.Add(-store.Kept - time.Second)
	account := func(id string) pat.Account { return pat.Account{Connector: "directory", ID: id} }
	for _, tt := range []struct {
		name             string
		expires, revoked time.Time
		seen             time.Time
		token, owner     bool // stay
	}{
		{"live, of somebody seen long ago", now.Add(time.Hour), time.Time{}, long, true, true},
		{"expired", now, time.Time{}, long, true, true},
		{"expired for as long as it is kept", now.Add(-store.Kept), time.Time{}, long, true, true},
		{"expired long ago", long, time.Time{}, long, false, false},
		{"expired long ago, of somebody seen since", long, time.Time{}, now, false, true},
		{"revoked", now.Add(time.Hour), now, long, true, true},
		{"revoked long ago, and would live", now.Add(time.Hour), long, long, false, false},
		{"expired long ago, revoked since", long, now, long, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t)
			one := token("one")
			one.Account, one.Created, one.Expires, one.Revoked = account("x"), long.Add(-time.Hour), tt.expires, tt.revoked
			if err := s.Create(t.Context(), one, pat.Owner{Realm: "corp", Account: one.Account, Username: "x", Seen: tt.seen}, pat.Limits{}); err != nil {
				t.Fatal(err)
			}
			removed, err := s.Prune(t.Context())
			if err != nil || (removed == 0) != tt.token {
				t.Errorf("%d removed, %v", removed, err)
			}
			if _, err := s.Token(t.Context(), "corp", one.ID); errors.Is(err, pat.ErrNoToken) == tt.token {
				t.Errorf("the token: %v", err)
			}
			if _, err := s.Owner(t.Context(), "corp", one.Account); errors.Is(err, pat.ErrNoOwner) == tt.owner {
				t.Errorf("the owner: %v", err)
			}
		})
	}
}
