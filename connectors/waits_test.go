package connectors_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// TestCutShort has a login wait for two seconds, and an upstream with so much time.
func TestCutShort(t *testing.T) {
	for name, c := range map[string]struct {
		waits    []time.Duration
		has, due time.Duration
		want     bool
	}{
		"it has its due":               {[]time.Duration{2 * time.Second}, time.Second, time.Second, false},
		"the wait is to blame":         {[]time.Duration{2 * time.Second}, time.Second - 1, time.Second, true},
		"several waits are":            {[]time.Duration{time.Second, time.Second}, time.Second, 3 * time.Second, true},
		"the wait is not all of it":    {[]time.Duration{time.Second}, time.Second, 3 * time.Second, false},
		"nobody has waited":            {nil, time.Second - 1, time.Second, false},
		"nothing is left, for a wait":  {[]time.Duration{2 * time.Second}, -time.Second, time.Second, true},
		"nothing is left, for no wait": {nil, 0, time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				outer := connectors.CountWaits(t.Context())
				ctx := connectors.CountWaits(outer) // is the same
				for _, wait := range c.waits {
					began := time.Now()
					time.Sleep(wait)
					connectors.Waited(ctx, began)
				}
				if got := connectors.CutShort(outer, c.has, c.due); got != c.want {
					t.Errorf("cut short: %t, want %t", got, c.want)
				}
			})
		})
	}
	connectors.Waited(t.Context(), time.Now().Add(-time.Hour))
	if connectors.CutShort(t.Context(), 0, time.Second) {
		t.Error("a context that counts no waits has some")
	}
}
