package access_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/internal/audit"
	"github.com/shorepass/shorepass/internal/store"
	"github.com/shorepass/shorepass/policy"
)

// world is a service for the realm corp: the connector directory has alice (platform),
// bob, and carol, who is disabled; sso has people whom it cannot look up, and broken is
// out of reach. Realm plain takes no tokens.
type world struct {
	*access.Service
	store    *store.Store
	database string // its file
	realm    access.Realm
	now      time.Time
	log      *bytes.Buffer
	record   string // the audit log's file
}

// newWorld makes a world. recordIn may be empty: a file of the test's.
func newWorld(t *testing.T, recordIn string, change ...func(*access.Realm)) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), log: new(bytes.Buffer), record: recordIn}
	w.database = filepath.Join(t.TempDir(), store.FileName)
	if w.record == "" {
		w.record = filepath.Join(t.TempDir(), "audit.jsonl")
	}
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	log, err := audit.Open(w.record, time.Hour, logger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	now := func() time.Time { return w.now }
	if w.store, err = store.Open(t.Context(), w.database, store.Options{Now: now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	w.realm = access.Realm{
		Policy: rules(t),
		Connectors: []access.Connector{
			{Member: connectors.Member{Name: "tokens", Connector: unreachable{}, Tokens: true}},
			{Member: connectors.Member{Name: "directory", Connector: directory(t)}},
			{Member: connectors.Member{Name: "sso", Connector: guard.Password(provider{}, guard.Config{})}, Groups: connectors.FoldedGroups},
			{Member: connectors.Member{Name: "broken", Connector: unreachable{}}},
		},
		SelfService: access.SelfService{
			Enabled: true, DefaultExpiry: 30 * 24 * time.Hour, MaxExpiry: 60 * 24 * time.Hour,
			Scopes: []string{"repository:platform/**:pull,push", "repository:base/*:pull"}, MaxTokens: 3,
		},
	}
	for _, c := range change {
		c(&w.realm)
	}
	w.Service = access.New(access.Config{
		Realms: map[string]access.Realm{"corp": w.realm, "other": w.realm, "plain": {}},
		Keeper: w.store, Lookup: w.store, Auditor: log, Logger: logger, Now: now,
	})
	return w
}

// entries reads the audit log.
func (w *world) entries(t *testing.T) []broker.Entry {
	t.Helper()
	content, err := os.ReadFile(w.record)
	if err != nil {
		t.Fatal(err)
	}
	var entries []broker.Entry
	for s := bufio.NewScanner(bytes.NewReader(content)); s.Scan(); {
		var e broker.Entry
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}

// last returns the newest entry of the audit log.
func (w *world) last(t *testing.T) broker.Entry {
	t.Helper()
	all := w.entries(t)
	if len(all) == 0 {
		t.Fatal("nothing was recorded")
	}
	return all[len(all)-1]
}

// made makes a token that can be made.
func (w *world) made(t *testing.T, by access.Actor, s access.Spec) access.Created {
	t.Helper()
	c, err := w.Create(t.Context(), by, s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rows are the tokens that are kept, newest first.
func (w *world) rows(t *testing.T) []pat.Token {
	t.Helper()
	rows, err := w.store.Tokens(t.Context(), pat.Filter{Realm: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// owner is what is kept of an account.
func (w *world) owner(t *testing.T, a pat.Account) pat.Owner {
	t.Helper()
	o, err := w.store.Owner(t.Context(), "corp", a)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// knows keeps what a login has shown.
func (w *world) knows(t *testing.T, owners ...pat.Owner) {
	t.Helper()
	for _, o := range owners {
		if err := w.store.SaveOwners(t.Context(), []pat.Owner{o}); err != nil {
			t.Fatal(err)
		}
	}
}

// spec is a token for somebody.
func spec(owner, name string) access.Spec {
	return access.Spec{Realm: "corp", Owner: owner, Name: name, Scopes: []string{"repository:platform/**:pull"}}
}

// signedIn is a person of the connector directory.
func signedIn(name string, groups ...string) access.Actor {
	return access.Actor{RequestID: "r1", UserAgent: "curl", Identity: &connectors.Identity{
		Connector: "directory", Via: "directory", ID: name, Username: name, Groups: groups, Ceiling: connectors.Unlimited(),
	}}
}

func rules(t *testing.T) *policy.Policy {
	t.Helper()
	text := func(values ...string) []policy.Text {
		var texts []policy.Text
		for _, v := range values {
			texts = append(texts, policy.Text{Value: v})
		}
		return texts
	}
	p, err := policy.Compile(policy.Document{
		Connectors: []policy.Connector{{Name: "directory"}, {Name: "sso"}, {Name: "broken"}, {Name: "tokens"}}, Services: []string{"registry.corp"},
		Rules: []policy.Rule{
			{Name: policy.Text{Value: "platform"}, Groups: text("directory:platform", "sso:ops"), Repositories: text("platform/**"), Allow: text("pull", "push")},
			{Name: policy.Text{Value: "home"}, Users: text("directory:*"), Repositories: text("home/{user}/**"), Allow: text("*")},
			{Name: policy.Text{Value: "freeze"}, Groups: text("directory:platform"), Repositories: text("platform/frozen/**"), Deny: text("push")},
			{Name: policy.Text{Value: "hold"}, Groups: text("sso:on hold"), Repositories: text("**"), Deny: text("*")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func directory(t *testing.T) connectors.Connector {
	t.Helper()
	const hash = "$2a$04$QeiFWzkW4FRoRG3a1cVJguhKJgd4bWgJ1Kn7YHfIWXmqsZ8Zy7FV2"
	path := filepath.Join(t.TempDir(), "users.yaml")
	users := strings.ReplaceAll(`users:
  - {username: alice, password_hash: "HASH", groups: [platform]}
  - {username: bob, password_hash: "HASH"}
  - {username: carol, password_hash: "HASH", disabled: true}
`, "HASH", hash)
	if err := os.WriteFile(path, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := static.New(&static.Config{File: connectors.Path(path)}, connectors.Deps{Name: "directory"}, static.NewBound())
	if err != nil {
		t.Fatal(err)
	}
	return guard.Password(d, guard.Config{})
}

// provider finds nobody without a password.
type provider struct{}

func (provider) Locate(_ context.Context, username string) (connectors.Account, error) {
	return connectors.Account{Username: username}, nil
}

func (provider) Verify(context.Context, connectors.Account, connectors.Secret) (connectors.Identity, error) {
	return connectors.Identity{}, connectors.ErrRejected
}

// unreachable is a connector whose directory is down.
type unreachable struct{}

var errDown = errors.New("dial tcp 192.0.2.1:636: connection refused")

func (unreachable) Handles(connectors.Credentials) bool { return true }

func (unreachable) Authenticate(context.Context, connectors.Credentials) (connectors.Identity, error) {
	return connectors.Identity{}, errDown
}

func (unreachable) Find(context.Context, string) (connectors.Identity, error) {
	return connectors.Identity{}, errDown
}
