package server_test

import (
	"context"
	"database/sql"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

// TestClientGone holds that a token is taken back whose answer reaches nobody: its client
// has left while the database was locked.
func TestClientGone(t *testing.T) {
	p, unlock := openLocked(t)
	ctx, leave := context.WithCancel(t.Context())
	request := p.request(t, exchange{method: post, path: api, user: ofAlice, content: wish}).WithContext(ctx)
	time.AfterFunc(700*time.Millisecond, leave)
	if response, err := http.DefaultClient.Do(request); err == nil {
		_ = response.Body.Close()
		t.Fatalf("answered with %s", response.Status)
	}
	time.Sleep(100 * time.Millisecond) // until the server knows
	unlock()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		live, err := p.store.Tokens(t.Context(), pat.Filter{Realm: "corp", Live: true})
		if err != nil {
			t.Fatal(err)
		}
		entries := p.Entries(t)
		if last := len(entries) - 1; len(live) == 0 && last >= 0 && (len(entries) == 2 || entries[last].Outcome != broker.OutcomeGranted) {
			return // made and taken back, or not made
		}
		if time.Now().After(deadline) {
			t.Fatalf("there are %v; recorded is %+v", live, entries)
		}
	}
}

// openLocked starts the API on a database that another process has locked until unlock.
func openLocked(t *testing.T) (p *people, unlock func()) {
	t.Helper()
	clock := new(ticks)
	path := filepath.Join(t.TempDir(), store.FileName)
	tokens, err := store.Open(t.Context(), path, store.Options{Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tokens.Close() })
	p = openPeople(t, clock, tokens, "", "corp")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return p, func() {
		if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
	}
}
