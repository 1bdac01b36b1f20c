package oidc

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/shorepass/shorepass/connectors"
)

var errClosed = errors.New("the connector is closed")

// logins has the provider asked for one login at a time of each name, and once for all
// who log in alike at the same time.
//
// A client that moves an image asks for several tokens at once. Keycloak, where its
// brute-force protection is on, refuses all but one of the logins that an account has
// under way, and says of the others that the password is wrong.
type logins struct {
	life   context.Context // ends with close
	end    context.CancelFunc
	flight singleflight.Group

	mu    sync.Mutex
	turns map[string]*turn // of the names that have logins under way
}

// turn is what those wait for who log in by one name.
type turn struct {
	free  chan struct{} // holds one value: whoever takes it goes on
	users int           // who have it or wait for it
}

func newLogins() *logins {
	l := &logins{turns: map[string]*turn{}}
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// do returns what check says of the name and the password. check outlives the caller:
// others may wait for what it says.
func (l *logins) do(ctx context.Context, name string, password connectors.Secret, check func(context.Context) (connectors.Identity, error)) (connectors.Identity, error) {
	if ctx.Err() != nil {
		return connectors.Identity{}, context.Cause(ctx)
	}
	// Neither holds a NUL.
	result := l.flight.DoChan(name+"\x00"+password.Reveal(), func() (any, error) {
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), callTimeout, errNoAnswer)
		defer cancel()
		defer context.AfterFunc(l.life, cancel)()
		if err := l.take(ctx, name); err != nil {
			return connectors.Identity{}, err
		}
		defer l.leave(name)
		return guarded(func() (connectors.Identity, error) { return check(ctx) })
	})
	select {
	case r := <-result:
		id, _ := r.Val.(connectors.Identity)
		return id, r.Err
	case <-ctx.Done():
		return connectors.Identity{}, context.Cause(ctx)
	}
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
