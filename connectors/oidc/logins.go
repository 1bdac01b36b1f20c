package oidc

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// Keycloak, where its brute-force protection is on, takes one login of an account at a
// time. It refuses others that are under way, and says of them that the password is
// wrong; and it is at work on a login for a moment longer than its answer takes, or than
// anybody waits for it. Logins that fail within a second of each other lock the account
// (its quick login check), however few they are.
const (
	countsFor  = 2 * time.Second         // how long a login counts for those who log in alike
	rest       = 50 * time.Millisecond   // between logins of one account
	restFailed = 1100 * time.Millisecond // after one that has failed, or may have
)

// Whoever guesses must not keep others out: neither by one name nor by many.
const (
	maxAsked   = 32             // logins that the provider is asked for at a time, unless that is set
	maxWaiting = 2048           // logins under way, those included: as many as package guard lets in
	maxPerName = 8              // logins under way of one account, each with another password, name or connector
	provenFor  = 12 * time.Hour // how long a password that was right goes first
	maxProven  = 10_000         // how many do so
)

var (
	errClosed = errors.New("the connector is closed")
	errFull   = errors.New("the provider works at as many as it may at once")
	errCrowd  = fmt.Errorf("%w: %d logins wait for the provider", connectors.ErrBusy, maxWaiting)
	errMany   = fmt.Errorf("%w: %d logins to this account, each with another password or name", connectors.ErrBusy, maxPerName)
)

// logins has the provider asked for one login at a time of each account, and once for all
// who log in alike at about the same time: a client that moves an image asks for several
// tokens at once.
type logins struct {
	issuer   string
	accounts *Accounts
	life     context.Context // ends with close
	end      context.CancelFunc
	secret   []byte // of this process, by which names and passwords become keys
	provider queue
	burst    connectors.Burst // at the provider

	mu      sync.Mutex
	flights map[string]*flight   // the logins under way, by key
	good    map[string]vouched   // the logins that count, by key
	proven  map[string]time.Time // until when the passwords go first that were right, by key
}

// check asks the provider whether a login is right.
type check func(context.Context) (connectors.Identity, error)

func newLogins(issuer string, accounts *Accounts) *logins {
	l := &logins{
		issuer: issuer, accounts: accounts, secret: []byte(rand.Text()), provider: newQueue(maxAsked),
		flights: map[string]*flight{}, good: map[string]vouched{}, proven: map[string]time.Time{},
	}
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// bound sets how many logins the provider is asked for at a time.
func (l *logins) bound(asked int) { l.provider = newQueue(maxAtOnce(asked)) }

// maxAtOnce is how many logins the provider is asked for at once at most; 0: any number.
func maxAtOnce(asked int) int { return cmp.Or(asked, maxWaiting) }

// do returns what ask says of the name and the password. ask goes on as long as one of
// those is there who log in alike.
func (l *logins) do(ctx context.Context, name string, password connectors.Secret, ask check) (connectors.Identity, error) {
	if ctx.Err() != nil {
		return connectors.Identity{}, context.Cause(ctx)
	}
	key := l.key(name, password)
	if id, ok := l.recall(key); ok {
		return id, nil
	}
	f, err := l.join(ctx, name, key, ask)
	if err != nil {
		return connectors.Identity{}, err
	}
	select {
	case <-f.done:
		return f.identity, f.err
	case <-ctx.Done():
	}
	if sent := l.leave(key, f); !sent {
		return connectors.Identity{}, fmt.Errorf("%w: %w", connectors.ErrBusy, context.Cause(ctx))
	}
	return connectors.Identity{}, context.Cause(ctx)
}

// key stands for a name and a password, and tells neither. No name holds a NUL.
func (l *logins) key(name string, password connectors.Secret) string {
	h := hmac.New(sha256.New, l.secret)
	h.Write([]byte(name + "\x00" + password.Reveal()))
	return string(h.Sum(nil))
}

// join returns the flight of the key, which it begins if there is none.
func (l *logins) join(ctx context.Context, name, key string, ask check) (*flight, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tell := func() error { return connectors.Sending(ctx) }
	if f := l.flights[key]; f != nil {
		return f, f.join(tell)
	}
	proven := time.Now().Before(l.proven[key])
	switch {
	case l.life.Err() != nil:
		return nil, errClosed
	case !proven && len(l.flights) >= maxWaiting: // those that are, are few
		return nil, errCrowd
	}
	t := l.accounts.take(l.issuer, name, proven)
	if t == nil {
		return nil, errMany
	}
	own, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), callTimeout, errNoAnswer)
	f := &flight{turn: t, proven: proven, waiters: 1, tell: []func() error{tell}, cancel: cancel, done: make(chan struct{})}
	l.flights[key] = f
	go func() {
		defer cancel()
		defer context.AfterFunc(l.life, cancel)()
		id, err := l.fly(own, name, f, ask)
		l.finish(name, key, f, id, err)
	}()
	return f, nil
}

// fly asks when it is the turn of the account and the provider has room.
func (l *logins) fly(ctx context.Context, name string, f *flight, ask check) (connectors.Identity, error) {
	t := f.turn
	if err := t.enter(ctx, f.proven); err != nil {
		l.accounts.back(t)
		return connectors.Identity{}, l.fault("waiting for other logins to this account", err)
	}
	pause := time.Duration(0) // until somebody has asked
	defer func() { l.goOn(t, pause) }()
	if err := l.enter(ctx, f.proven); err != nil {
		return connectors.Identity{}, l.fault("waiting for other logins", err)
	}
	defer l.provider.leave()
	if end, ok := ctx.Deadline(); ok && !f.proven && time.Until(end) < fairShare { // it could not be waited for
		return connectors.Identity{}, l.fault("waiting for other logins", errNoAnswer)
	}
	if err := l.send(f); err != nil {
		return connectors.Identity{}, l.fault("waiting for other logins", err)
	}
	id, err := guarded(func() (connectors.Identity, error) { return ask(ctx) })
	if pause = rest; mayHaveFailed(ctx, err) {
		pause = restFailed
	}
	return id, l.accounts.settle(t, l.issuer, name, id, err)
}

// goOn lets the account's next login go on after a pause.
func (l *logins) goOn(t *turn, pause time.Duration) {
	next := func() {
		t.leave()
		l.accounts.back(t)
	}
	if pause == 0 {
		next()
		return
	}
	time.AfterFunc(pause, next)
}

// enter waits for a place at the provider. In a burst it does so until the provider has no
// more time than a request may take.
func (l *logins) enter(ctx context.Context, proven bool) error {
	if l.provider.try() {
		l.burst.Free()
		return nil
	}
	end, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeoutCause(ctx, l.burst.Patience(ctx, time.Until(end)-operationTimeout), errFull)
	defer cancel()
	return l.provider.enter(ctx, proven)
}

// mayHaveFailed reports whether the provider may have counted a login as failed: it has
// said so, or its answer has not been waited for.
func mayHaveFailed(ctx context.Context, err error) bool {
	return errors.Is(err, connectors.ErrRejected) || errors.Is(err, errNoAnswer) || ctx.Err() != nil
}

// fault is why a login did not come to be asked for.
func (l *logins) fault(what string, err error) error {
	if l.life.Err() != nil {
		return errClosed
	}
	return fmt.Errorf("%w: %s: %w", connectors.ErrBusy, what, err)
}

// finish ends the flight. A login that was good counts for a while, unless it was forgotten
// while it was under way, and for longer its password goes first.
func (l *logins) finish(name, key string, f *flight, id connectors.Identity, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	current := l.flights[key] == f
	var rejection *connectors.Rejection
	switch {
	case err == nil:
		l.makeRoom(now)
		if current {
			l.good[key] = vouched{name, id, now.Add(countsFor)}
		}
		l.proven[key] = now.Add(provenFor)
	case errors.As(err, &rejection):
		delete(l.proven, key)
		if rejection.Reason != connectors.ReasonWrongPassword { // the account may not sign in, whatever the password
			l.drop(name)
		}
	}
	if current {
		delete(l.flights, key)
	}
	f.identity, f.err = id, err
	close(f.done)
}
