package oidc

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/shorepass/shorepass/connectors"
)

// Keycloak, where its brute-force protection is on, takes one login of an account at a
// time. It refuses others that are under way, and says of them that the password is
// wrong; and it is at work on a login for a moment longer than its answer takes.
const (
	countsFor = 2 * time.Second       // how long a login counts for those who log in alike
	rest      = 50 * time.Millisecond // between logins by one name
)

var errClosed = errors.New("the connector is closed")

// logins has the provider asked for one login at a time of each name, and once for all
// who log in alike at about the same time: a client that moves an image asks for several
// tokens at once.
type logins struct {
	life   context.Context // ends with close
	end    context.CancelFunc
	secret []byte // of this process, by which names and passwords become keys
	flight singleflight.Group

	mu    sync.Mutex
	turns map[string]*turn   // of the names that have logins under way
	good  map[string]vouched // the logins that count, by key
}

// turn is what those wait for who log in by one name.
type turn struct {
	free  chan struct{} // holds one value: whoever takes it goes on
	users int           // who have it or wait for it
}

// vouched is a login that has succeeded.
type vouched struct {
	identity connectors.Identity
	until    time.Time
}

func newLogins() *logins {
	l := &logins{secret: []byte(rand.Text()), turns: map[string]*turn{}, good: map[string]vouched{}}
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// do returns what check says of the name and the password. check outlives the caller:
// others may wait for what it says.
func (l *logins) do(ctx context.Context, name string, password connectors.Secret, check func(context.Context) (connectors.Identity, error)) (connectors.Identity, error) {
	if ctx.Err() != nil {
		return connectors.Identity{}, context.Cause(ctx)
	}
	key := l.key(name, password)
	if id, ok := l.recall(key); ok {
		return id, nil
	}
	result := l.flight.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), callTimeout, errNoAnswer)
		defer cancel()
		defer context.AfterFunc(l.life, cancel)()
		if err := l.take(ctx, name); err != nil {
			return connectors.Identity{}, err
		}
		defer time.AfterFunc(rest, func() { l.leave(name) })
		id, err := guarded(func() (connectors.Identity, error) { return check(ctx) })
		if err == nil {
			l.keep(key, id)
		}
		return id, err
	})
	select {
	case r := <-result:
		id, _ := r.Val.(connectors.Identity)
		return id, r.Err
	case <-ctx.Done():
		return connectors.Identity{}, context.Cause(ctx)
	}
}

// key stands for a name and a password, and tells neither. No name holds a NUL.
func (l *logins) key(name string, password connectors.Secret) string {
	h := hmac.New(sha256.New, l.secret)
	h.Write([]byte(name + "\x00" + password.Reveal()))
	return string(h.Sum(nil))
}

// recall returns the login of the key, if it still counts.
func (l *logins) recall(key string) (connectors.Identity, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.good[key]
	return v.identity, ok && time.Now().Before(v.until) && l.life.Err() == nil
}

// keep has a login count for a while, and forgets those that do so no longer.
func (l *logins) keep(key string, id connectors.Identity) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for k, v := range l.good {
		if !now.Before(v.until) {
			delete(l.good, k)
		}
	}
	l.good[key] = vouched{id, now.Add(countsFor)}
}

// take waits for the name's turn.
func (l *logins) take(ctx context.Context, name string) error {
	l.mu.Lock()
	t := l.turns[name]
	if t == nil {
		t = &turn{free: make(chan struct{}, 1)}
		t.free <- struct{}{}
		l.turns[name] = t
	}
	t.users++
	l.mu.Unlock()
	err := l.life.Err()
	if err == nil {
		select {
		case <-t.free:
			return nil
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	l.forget(name, t)
	if l.life.Err() != nil {
		return errClosed
	}
	return fmt.Errorf("waiting for other logins by this name: %w", err)
}

// leave gives the turn to the next.
func (l *logins) leave(name string) {
	l.mu.Lock()
	t := l.turns[name]
	l.mu.Unlock()
	t.free <- struct{}{}
	l.forget(name, t)
}

func (l *logins) forget(name string, t *turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(l.turns, name)
	}
}

// guarded turns a panic into an error: nobody stands above to recover from one, and it
// would end the program. Its own text might hold a secret.
func guarded[T any](f func() (T, error)) (value T, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic of type %T\n%s", v, debug.Stack())
		}
	}()
	return f()
}
