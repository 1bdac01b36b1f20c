package ldap_test

import (
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors/ldap"
)

// TestConnectionsGrowOld holds, with the clock in the test's hands, that a
// connection is given up when nobody has used it for a minute, and after five
// minutes however often it is used.
func TestConnectionsGrowOld(t *testing.T) {
	for name, c := range map[string]struct {
		pause time.Duration // between uses
		uses  int
		dials int
	}{
		"used all the time":          {0, 100, 1},
		"used again within a minute": {59 * time.Second, 2, 1},
		"idle for a minute":          {61 * time.Second, 3, 3},
		"four minutes old":           {40 * time.Second, 7, 1},
		"five minutes old":           {50 * time.Second, 7, 2},
		"sixteen minutes":            {50 * time.Second, 20, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials := 0
				var open atomic.Int64
				p := ldap.NewPool(func() net.Conn {
					client, server := net.Pipe()
					dials++
					open.Add(1)
					go func() {
						script{}.serve(server)
						open.Add(-1)
					}()
					return client
				})
				for i := range c.uses {
					if i > 0 {
						time.Sleep(c.pause)
					}
					if err := p.Bind(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if dials != c.dials {
					t.Errorf("%d connections, want %d", dials, c.dials)
				}
				time.Sleep(61 * time.Second)
				synctest.Wait()
				if n := open.Load(); n != 0 {
					t.Errorf("%d connections are open after a minute of rest, want none", n)
				}
				p.Close()
			})
		})
	}
}
