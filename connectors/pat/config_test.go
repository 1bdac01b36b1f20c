package pat_test

import (
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
)

// TestBounds holds that what bounds an owner's rights is bounded.
func TestBounds(t *testing.T) {
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		set         func(*pat.Config, time.Duration)
		least, most time.Duration
	}{
		"max_group_age": {func(c *pat.Config, d time.Duration) { c.MaxGroupAge = d }, time.Second, time.Hour},
		"outage_grace":  {func(c *pat.Config, d time.Duration) { c.OutageGrace = d }, 0, 4 * time.Hour},
		"max_login_age": {func(c *pat.Config, d time.Duration) { c.MaxLoginAge = d }, time.Hour, 30 * day},
	} {
		t.Run(name, func(t *testing.T) {
			for d, want := range map[time.Duration]int{tt.least: 0, tt.most: 0, tt.least - 1: 1, tt.most + 1: 1} {
				c := pat.DefaultConfig()
				tt.set(c, d)
				if problems := c.Validate(); len(problems) != want || want == 1 && problems[0].Field != name {
					t.Errorf("%v: %v", d, problems)
				}
			}
		})
	}
}
