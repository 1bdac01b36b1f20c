package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

// Many writers wait for one another, none fails, and nothing is lost.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	s := open(t)
	const writers, each = 8, 10
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				one := token(fmt.Sprintf("%d-%d", w, i))
				if err := s.Create(t.Context(), one, owner(), pat.Limits{}); err != nil {
					t.Error(err)
				}
				if err := s.RecordUses(t.Context(), []pat.Use{{Realm: "corp", ID: one.ID, At: now}}); err != nil {
					t.Error(err)
				}
				if i%2 == 0 {
					if revoked, err := s.Revoke(t.Context(), "corp", []string{one.ID}, now, "administrator"); err != nil || len(revoked) != 1 {
						t.Errorf("%d revoked, %v", len(revoked), err)
					}
				}
			}
		})
	}
	wg.Wait()
	all, err := s.Tokens(t.Context(), pat.Filter{Realm: "corp"})
	live, err2 := s.Tokens(t.Context(), pat.Filter{Realm: "corp", Live: true})
	if len(all) != writers*each || len(live) != writers*each/2 || err != nil || err2 != nil {
		t.Errorf("%d tokens, %d live; %v, %v", len(all), len(live), err, err2)
	}
	for _, one := range all {
		if one.LastUsed.IsZero() {
			t.Errorf("the use of %s is lost", one.Name)
		}
	}
}

// Of many that want one name, one gets it.
func TestManyWantOneName(t *testing.T) {
	t.Parallel()
	s := open(t)
	var made atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if s.Create(t.Context(), token("ci"), owner(), pat.Limits{}) == nil {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d tokens of one name", made.Load())
	}
}

// Who reads is not kept waiting by who writes: reads end while a transaction is open that
// has written.
func TestReadersPassAWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), store.FileName)
	s := openAt(t, path)
	one := create(t, s, token("one"))
	c, _ := other(t, path)
	exec(t, c, "BEGIN IMMEDIATE")
	exec(t, c, "UPDATE tokens SET name = 'other'")
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // less than what a lock is waited for
		defer cancel()
		if got, err := s.Token(ctx, "corp", one.ID); err != nil || got.Name != "one" {
			t.Fatalf("%q, %v", got.Name, err)
		}
		if list, err := s.Tokens(ctx, pat.Filter{Realm: "corp"}); err != nil || len(list) != 1 || list[0].Name != "one" {
			t.Fatalf("%d, %v", len(list), err)
		}
	}
}

// Once a revocation has returned, nobody finds the token as it was, whatever reads and
// evictions go on meanwhile.
func TestRevocationCountsAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	const tokens = 40
	var ids []string
	for i := range tokens {
		ids = append(ids, create(t, s, token(fmt.Sprint(i))).ID)
	}
	var revoked [tokens]atomic.Bool
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i = (i + 1) % tokens {
				before := revoked[i].Load()
				got, err := s.Token(t.Context(), "corp", ids[i])
				if err != nil {
					t.Error(err)
					return
				}
				if before && got.Revoked.IsZero() {
					t.Errorf("token %d counts after it was revoked", i)
				}
			}
		})
	}
	for i, id := range ids {
		revoke(t, s, id)
		revoked[i].Store(true)
	}
	stop()
	wg.Wait()
}

// A long read by somebody else keeps the revocation from the database's own file: it says
// so, and has happened.
func TestRevocationWithALongReader(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), store.FileName)
	s := openAt(t, path)
	one := create(t, s, token("one"))
	if err := s.SaveOwners(t.Context(), []pat.Owner{owner()}); err != nil { // so that there is something in the log
		t.Fatal(err)
	}
	c, leave := other(t, path)
	exec(t, c, "BEGIN")
	var n int
	if err := c.QueryRowContext(t.Context(), "SELECT count(*) FROM tokens").Scan(&n); err != nil {
		t.Fatal(err)
	}
	revoked, err := s.Revoke(t.Context(), "corp", []string{one.ID}, now, "administrator")
	wantKind(t, "the revocation", err, store.Locked, path)
	if !errors.Is(err, pat.ErrUnsettled) {
		t.Errorf("error %v", err)
	}
	if len(revoked) != 1 || get(t, s, one.ID).Revoked.IsZero() {
		t.Errorf("%d revoked", len(revoked))
	}
	if withoutLog(t, path, one.ID) {
		t.Fatal("the database's own file has what the reader keeps from it")
	}
	again, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if revoked, err := s.Revoke(again, "corp", nil, now, "administrator"); !errors.Is(err, pat.ErrUnsettled) || len(revoked) > 0 {
		t.Errorf("nothing more: %d, %v", len(revoked), err)
	}
	leave()
	for deadline := time.Now().Add(30 * time.Second); !withoutLog(t, path, one.ID); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the revocation is in the log alone, though nobody reads any more")
		}
	}
}

// A revocation counts once it is written, though a long read by somebody else keeps Revoke
// from returning.
func TestRevocationCountsBeforeTheCheckpoint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), store.FileName)
	s := openAt(t, path)
	one := create(t, s, token("one"))
	if err := s.SaveOwners(t.Context(), []pat.Owner{owner()}); err != nil { // so that there is something in the log
		t.Fatal(err)
	}
	c, leave := other(t, path)
	exec(t, c, "BEGIN")
	var n int
	if err := c.QueryRowContext(t.Context(), "SELECT count(*) FROM tokens").Scan(&n); err != nil {
		t.Fatal(err)
	}
	get(t, s, one.ID) // which the cache has now
	returned := make(chan error, 1)
	go func() {
		_, err := s.Revoke(context.WithoutCancel(t.Context()), "corp", []string{one.ID}, now, "administrator")
		returned <- err
	}()
	for get(t, s, one.ID).Revoked.IsZero() {
		select {
		case err := <-returned:
			t.Fatalf("the token counted until Revoke returned: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	leave()
	if err := <-returned; err != nil {
		t.Error(err)
	}
}

// withoutLog reports whether the token is revoked in the database's own file, were its log
// lost.
func withoutLog(t *testing.T, path, id string) bool {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(t.TempDir(), store.FileName)
	if err := os.WriteFile(left, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), left, store.Options{})
	if err != nil {
		return false // it was read while it was written
	}
	defer s.Close()
	one, err := s.Token(t.Context(), "corp", id)
	return err == nil && !one.Revoked.IsZero()
}
