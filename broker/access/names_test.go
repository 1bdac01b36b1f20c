package access_test

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

// TestUnsettledRevocation holds that tokens which are revoked, while somebody keeps that
// from the database's own file, are recorded as revoked, and that whoever asked is told.
func TestUnsettledRevocation(t *testing.T) {
	w := newWorld(t, "")
	first := w.made(t, access.Actor{}, spec("directory:alice", "a")).Token
	second := w.made(t, access.Actor{}, spec("directory:alice", "b")).Token
	db, err := sql.Open("sqlite", w.database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	var n int
	if _, err := db.ExecContext(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM tokens").Scan(&n); err != nil {
		t.Fatal(err)
	}
	soon := func() context.Context { // and yet enough to write, whatever the disk has to do
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	unsettled := func(list []string) bool { return len(list) == 1 && strings.Contains(list[0], "not yet for good") }

	got, err := w.Revoke(soon(), access.Actor{}, "corp", first.ID)
	if err != nil || got.Status != access.Revoked || !unsettled(got.Warnings) {
		t.Errorf("revoked %+v, %v", got, err)
	}
	if e := w.last(t); e.Outcome != "granted" || e.Token != first.ID || !unsettled(e.Warnings) {
		t.Errorf("recorded %+v", e)
	}
	all, err := w.RevokeAll(soon(), access.Actor{}, "corp", "directory:alice")
	if err != nil || len(all.Tokens) != 1 || !unsettled(all.Warnings) {
		t.Errorf("revoked %+v, %v", all, err)
	}
	if e := w.last(t); e.Outcome != "granted" || !slices.Equal(e.Tokens, []string{second.ID}) || !unsettled(e.Warnings) {
		t.Errorf("recorded %+v", e)
	}
	// There is nothing left to revoke, and still something to see to.
	all, err = w.RevokeAll(soon(), access.Actor{}, "corp", "directory:alice")
	if err != nil || len(all.Tokens) > 0 || len(all.Warnings) != 2 || !unsettled(all.Warnings[1:]) {
		t.Errorf("revoked %+v, %v", all, err)
	}
	if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	all, err = w.RevokeAll(t.Context(), access.Actor{}, "corp", "directory:alice")
	if err != nil || len(all.Warnings) != 1 {
		t.Errorf("revoked %+v, %v", all, err)
	}
}

// TestRenamedOwner holds that the tokens of an owner are found by the name of now and by
// the one that was last known, and that it is told where these differ.
func TestRenamedOwner(t *testing.T) {
	w := newWorld(t, "")
	ctx := t.Context()
	alices := w.made(t, access.Actor{}, spec("directory:alice", "ci")).Token
	account := w.rows(t)[0].Account
	w.now = w.now.Add(time.Second)
	w.knows(t, pat.Owner{Realm: "corp", Account: account, Username: "alicia", Seen: w.now}) // who is alice now
	former := pat.Account{Connector: "directory", ID: "another"}
	for _, tt := range []struct{ owner, want, note string }{
		{"directory:alice", alices.ID, "directory:alice is the name now of the account that was last known as directory:alicia"},
		{"directory:alicia", alices.ID, ""},
		{"directory:bob", "", ""},
	} {
		list, err := w.List(ctx, access.Actor{}, access.Filter{Realm: "corp", Owner: tt.owner})
		ids := ""
		for _, one := range list.Tokens {
			ids += one.ID
		}
		if err != nil || ids != tt.want || strings.Join(list.Warnings, ", ") != tt.note {
			t.Errorf("%s: %v, %v", tt.owner, list, err)
		}
	}

	// A name that was somebody else's.
	w.knows(t, pat.Owner{Realm: "corp", Account: former, Username: "alice", Seen: w.now})
	row := w.rows(t)[0]
	row.ID, row.Account, row.Name = pat.NewText().ID(), former, "former"
	if err := w.store.Create(ctx, row, pat.Owner{}, pat.Limits{}); err != nil {
		t.Fatal(err)
	}
	list, err := w.RevokeAll(ctx, access.Actor{}, "corp", "directory:alice")
	if err != nil || len(list.Tokens) != 2 || len(list.Warnings) != 2 || !strings.Contains(list.Warnings[0], "was last known as the name of another account") {
		t.Errorf("revoked %v, %v", list, err)
	}
	if e := w.last(t); e.Owner != "directory:alice" || !slices.Contains(e.Tokens, row.ID) || !slices.Contains(e.Tokens, alices.ID) {
		t.Errorf("recorded %+v", e)
	}

	// A directory that is down keeps nobody from revoking.
	w.knows(t, pat.Owner{Realm: "corp", Account: pat.Account{Connector: "broken", ID: "1"}, Username: "dora", Seen: w.now})
	row.ID, row.Account = pat.NewText().ID(), pat.Account{Connector: "broken", ID: "1"}
	if err := w.store.Create(ctx, row, pat.Owner{}, pat.Limits{}); err != nil {
		t.Fatal(err)
	}
	list, err = w.RevokeAll(ctx, access.Actor{}, "corp", "broken:dora")
	if err != nil || len(list.Tokens) != 1 || len(list.Warnings) != 1 || !strings.Contains(list.Warnings[0], "connection refused") {
		t.Errorf("revoked %v, %v", list, err)
	}
}

// justSeen is the connector of access tokens while what a login has shown is not written
// down yet.
type justSeen struct {
	unreachable
	pat.Owner
}

func (j justSeen) Recent(connector, username string) []pat.Owner {
	if connector == j.Account.Connector && username == j.Username {
		return []pat.Owner{j.Owner}
	}
	return nil
}

// TestOwnerJustSeen holds that an owner counts as seen as soon as they have signed in.
func TestOwnerJustSeen(t *testing.T) {
	zoe := pat.Owner{Realm: "corp", Account: pat.Account{Connector: "sso", ID: "iss+7"}, Username: "zoe", Groups: []string{"ops"}, Seen: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w := newWorld(t, "", func(r *access.Realm) {
		r.Connectors[0].Member = connectors.Member{Name: "tokens", Connector: justSeen{Owner: zoe}, Tokens: true}
	})
	w.made(t, access.Actor{}, spec("sso:zoe", "ci"))
	if row := w.rows(t)[0]; row.Account != zoe.Account || !slices.Equal(w.owner(t, zoe.Account).Groups, zoe.Groups) {
		t.Errorf("made %+v", row)
	}
}
