package oidc

import (
	"context"

	"github.com/shorepass/shorepass/connectors"
)

// flight is a login under way, for all who log in alike.
type flight struct {
	turn    *turn          // of its account
	proven  bool           // its password was right before
	waiters int            // who wait for it; the last to leave ends it
	tell    []func() error // them, that it is sent: see connectors.Sending
	sent    bool
	cancel  context.CancelFunc
	done    chan struct{} // closed when the rest is filled in

	identity connectors.Identity
	err      error
}

// join has one more wait for the flight. Where it was sent already, that goes for their login.
func (f *flight) join(tell func() error) error {
	if f.sent {
		if err := tell(); err != nil {
			return err
		}
	}
	f.tell = append(f.tell, tell)
	f.waiters++
	return nil
}

// send tells who wait for the flight that it is sent. It fails where none of them does any
// more, although they may not have left yet.
func (l *logins) send(f *flight) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tell := range f.tell {
		if tell() == nil {
			f.sent = true
		}
	}
	if !f.sent {
		return context.Canceled
	}
	return nil
}

// leave has one less wait for the flight. Without anybody it ends; who comes after that
// begins another. It reports whether the flight was sent.
func (l *logins) leave(key string, f *flight) (sent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.waiters--; f.waiters > 0 {
		return f.sent
	}
	f.cancel()
	if l.flights[key] == f {
		delete(l.flights, key)
	}
	return f.sent
}
