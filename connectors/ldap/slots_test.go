package ldap_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// TestWhoIsGone holds that nothing is opened for a caller who is gone, nor for one who goes while
// all connections are at work.
func TestWhoIsGone(t *testing.T) {
	const connections = 16
	synctest.Test(t, func(t *testing.T) {
		var dials atomic.Int64
		p := ldap.NewPool(func() net.Conn {
			dials.Add(1)
			client, server := net.Pipe()
			go script{bind: func(string, string) (int, string) { time.Sleep(time.Second); return 0, "" }}.serve(server)
			return client
		})
		defer p.Close()
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(ldap.ErrNoAnswer)
		if err := p.Bind(ctx); !errors.Is(err, ldap.ErrNoAnswer) || errors.Is(err, connectors.ErrBusy) || dials.Load() != 0 {
			t.Errorf("gone before: error %v, %d connections; want the cause, and none", err, dials.Load())
		}
		var group sync.WaitGroup
		for range connections {
			group.Go(func() {
				if err := p.Bind(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // all are at work
		ctx, goes := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, goes)
		if err := p.Bind(ctx); !errors.Is(err, connectors.ErrBusy) || !errors.Is(err, context.Canceled) {
			t.Errorf("gone while waiting: %v, want busy", err)
		}
		group.Wait()
		if n := dials.Load(); n != connections {
			t.Errorf("%d connections, want %d", n, connections)
		}
	})
}

// TestWhoHasWaited holds that a directory is to blame for what it fails at by itself, however
// long the caller has waited before.
func TestWhoHasWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := ldap.NewPool(func() net.Conn {
			client, server := net.Pipe()
			go misbehave(nil, true)(server)
			return client
		})
		defer p.Close()
		ctx := connectors.CountWaits(t.Context())
		connectors.Waited(ctx, time.Now().Add(-3*time.Second))
		if err := p.Bind(ctx); err == nil || errors.Is(err, connectors.ErrBusy) {
			t.Errorf("error = %v, want that it is lost", err)
		}
	})
}
