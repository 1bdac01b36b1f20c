package pat_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

const realm = "corp"

var (
	alice = pat.Account{Connector: "directory", ID: "id-alice"}
	bob   = pat.Account{Connector: "directory", ID: "id-bob"}
	carol = pat.Account{Connector: "sso", ID: "id-carol"}
	home  = netip.MustParseAddr("10.0.0.1")
)

// errDown is what a database or a directory says that is out of reach.
var errDown = errors.New("connection refused")

// errUnsupported is what a connector says that can look nobody up.
var errUnsupported = errors.ErrUnsupported

// ledger keeps tokens and owners in memory, and counts.
type ledger struct {
	mu     sync.Mutex
	tokens map[string]pat.Token
	owners map[pat.Account]pat.Owner
	down   bool
	reads  int // of tokens
	looks  int // of owners
	uses   [][]pat.Use
	saves  [][]pat.Owner
	takes  time.Duration // what a write takes, unless its time is over before
	blind  bool          // whether accounts have tokens cannot be read
	noUses bool          // uses cannot be written, though owners can
}

// write takes its time, and fails as the database is when it is over.
func (l *ledger) write(ctx context.Context) error {
	l.mu.Lock()
	takes := l.takes
	l.mu.Unlock()
	select {
	case <-time.After(takes):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// become changes the database.
func (l *ledger) become(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func (l *ledger) fails() error {
	if l.down {
		return errDown
	}
	return nil
}

func (l *ledger) Token(_ context.Context, of, id string) (pat.Token, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	t, ok := l.tokens[id]
	if err := l.fails(); err != nil {
		return pat.Token{}, err
	}
	if !ok || of != realm {
		return pat.Token{}, pat.ErrNoToken
	}
	return t, nil
}

func (l *ledger) RecordUses(ctx context.Context, uses []pat.Use) error {
	if err := l.write(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fails(); err != nil {
		return err
	}
	if l.noUses {
		return errDown
	}
	l.uses = append(l.uses, uses)
	return nil
}

func (l *ledger) Check(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fails()
}

func (l *ledger) Owner(_ context.Context, of string, a pat.Account) (pat.Owner, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.looks++
	o, ok := l.owners[a]
	if err := l.fails(); err != nil {
		return pat.Owner{}, err
	}
	if !ok || of != realm {
		return pat.Owner{}, pat.ErrNoOwner
	}
	o.Seen = o.Seen.Truncate(time.Second) // as a database keeps it
	return o, nil
}

func (l *ledger) SaveOwners(ctx context.Context, list []pat.Owner) error {
	if err := l.write(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fails(); err != nil {
		return err
	}
	l.saves = append(l.saves, list)
	for _, o := range list {
		if old := l.owners[o.Account].Seen; o.Seen.After(old) || old.After(time.Now().Add(pat.ClockStep)) {
			l.owners[o.Account] = o
		}
	}
	return nil
}

func (l *ledger) HasTokens(_ context.Context, of string, a pat.Account) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blind {
		return false, errDown
	}
	return of == realm && slices.ContainsFunc(slices.Collect(maps.Values(l.tokens)), func(t pat.Token) bool { return t.Account == a }), l.fails()
}

func (l *ledger) setDown(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = down
}

func (l *ledger) owner(a pat.Account) pat.Owner {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owners[a]
}

func (l *ledger) saved() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.saves)
}

// directory is a connector whose people can be looked up.
type directory struct {
	name string

	mu     sync.Mutex
	people map[string]connectors.Identity
	odd    map[string]error // what it says of an id alone
	once   error            // what it says once
	state  string           // "down", "hangs"
	takes  time.Duration
	asked  []string
	atOnce int
	most   int
}

func (d *directory) Handles(connectors.Credentials) bool { return false }

func (d *directory) Authenticate(context.Context, connectors.Credentials) (connectors.Identity, error) {
	return connectors.Identity{}, connectors.ErrNotMine
}

func (d *directory) Resolve(ctx context.Context, id string) (connectors.Identity, error) {
	d.mu.Lock()
	d.asked = append(d.asked, id)
	d.atOnce++
	d.most = max(d.most, d.atOnce)
	state, takes := d.state, d.takes
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.atOnce--
		d.mu.Unlock()
	}()
	if state == "hangs" {
		takes = time.Hour
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return connectors.Identity{}, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if state == "down" {
		return connectors.Identity{}, errDown
	}
	if err := d.once; err != nil {
		d.once = nil
		return connectors.Identity{}, err
	}
	if err := d.odd[id]; err != nil {
		return connectors.Identity{}, err
	}
	p, ok := d.people[id]
	if !ok {
		return connectors.Identity{}, connectors.ErrGone
	}
	return p, nil
}

// probing is a directory that can be probed.
type probing struct{ *directory }

func (p probing) Probe(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != "" {
		return errDown
	}
	return nil
}

// become changes the directory.
func (d *directory) become(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d *directory) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.asked)
}

// provider is a connector that can look nobody up.
type provider struct{}

func (provider) Handles(connectors.Credentials) bool { return false }

func (provider) Authenticate(context.Context, connectors.Credentials) (connectors.Identity, error) {
	return connectors.Identity{}, connectors.ErrNotMine
}

// world is a connector of tokens among others.
type world struct {
	*testing.T
	*pat.Connector
	memory    *pat.Memory
	ledger    *ledger
	directory *directory
	siblings  map[string]connectors.Connector
	config    *pat.Config
	log       *lines
}

// lines are a log's.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

func person(a pat.Account, name string, groups ...string) connectors.Identity {
	return connectors.Identity{Connector: a.Connector, Via: a.Connector, ID: a.ID, Username: name, Groups: groups, Ceiling: connectors.Unlimited()}
}

// in runs a test in a world of its own, whose clock stands still while somebody works.
func in(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer func() {
			if err := w.Close(); err != nil && !w.ledger.down {
				t.Error(err)
			}
		}()
		test(w)
	})
}

func newWorld(t *testing.T) *world {
	t.Helper()
	d := &directory{name: "directory", odd: map[string]error{}, takes: 10 * time.Millisecond, people: map[string]connectors.Identity{
		alice.ID: person(alice, "alice", "platform", "audit"),
		bob.ID:   person(bob, "bob"),
	}}
	w := &world{
		T: t, directory: d, config: pat.DefaultConfig(), log: new(lines),
		ledger:   &ledger{tokens: map[string]pat.Token{}, owners: map[pat.Account]pat.Owner{}},
		siblings: map[string]connectors.Connector{"directory": d, "sso": provider{}},
	}
	w.open()
	return w
}

// open opens the connector on what there is.
func (w *world) open() {
	w.memory = pat.NewMemory(w.ledger, w.ledger, w.logger())
	w.Connector = w.connector(w.memory)
}

// connector is one more of the same configuration.
func (w *world) connector(m *pat.Memory) *pat.Connector {
	return pat.New(w.config, connectors.Deps{Realm: realm, Name: "tokens", Logger: w.logger(), Sibling: w.sibling}, m)
}

// Close closes the connector, and what it shares with others.
func (w *world) Close() error { return errors.Join(w.Connector.Close(), w.memory.Close()) }

func (w *world) logger() *slog.Logger { return slog.New(slog.NewTextHandler(w.log, nil)) }

func (w *world) sibling(name string) (connectors.Connector, bool) {
	c, ok := w.siblings[name]
	return c, ok
}

// restart opens it anew.
func (w *world) restart() {
	w.Helper()
	if err := w.Close(); err != nil {
		w.Fatal(err)
	}
	w.open()
}

// issue makes a token of an account.
func (w *world) issue(a pat.Account, edit ...func(*pat.Token)) connectors.Secret {
	text := pat.NewText()
	token := pat.Token{
		Realm: realm, ID: text.ID(), Hash: text.Hash(), Account: a, Name: "ci", Scopes: []string{"repository:**:*"},
		Created: time.Now(), Expires: time.Now().Add(90 * 24 * time.Hour),
	}
	for _, e := range edit {
		e(&token)
	}
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	w.ledger.tokens[token.ID] = token
	return text.Secret()
}

// login signs in with a token from home.
func (w *world) login(secret connectors.Secret) (connectors.Identity, error) {
	return w.Authenticate(w.Context(), connectors.Credentials{Username: "ci-robot", Password: secret, RemoteIP: home})
}

// wants fails unless the login gives these groups.
func (w *world) wants(secret connectors.Secret, groups ...string) connectors.Identity {
	w.Helper()
	id, err := w.login(secret)
	if err != nil {
		w.Fatalf("the login failed: %v", err)
	}
	if !slices.Equal(id.Groups, groups) {
		w.Errorf("groups = %q, want %q", id.Groups, groups)
	}
	return id
}

// refuses fails unless the login is rejected for the reason.
func (w *world) refuses(secret connectors.Secret, reason connectors.Reason) *connectors.Rejection {
	w.Helper()
	_, err := w.login(secret)
	return wantReason(w.T, err, reason)
}

func wantReason(t *testing.T, err error, reason connectors.Reason) *connectors.Rejection {
	t.Helper()
	var r *connectors.Rejection
	if !errors.As(err, &r) || r.Reason != reason {
		t.Fatalf("error = %v, want the reason %s", err, reason)
	}
	return r
}

// fails fails unless the login is an outage.
func (w *world) fails(secret connectors.Secret) {
	w.Helper()
	if _, err := w.login(secret); err == nil || connectorsAnswer(err) {
		w.Fatalf("error = %v, want an outage", err)
	}
}

// connectorsAnswer reports whether an error says something of the token.
func connectorsAnswer(err error) bool {
	return errors.Is(err, connectors.ErrRejected) || errors.Is(err, connectors.ErrNotMine) || errors.Is(err, connectors.ErrGone)
}

// pass lets time pass, and what is under way come to its end.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// within fails unless do takes no longer.
func (w *world) within(most time.Duration, do func()) {
	w.Helper()
	begun := time.Now()
	do()
	if took := time.Since(begun); took > most {
		w.Errorf("it took %v, more than %v", took, most)
	}
}
