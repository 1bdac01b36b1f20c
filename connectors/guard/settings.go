package guard

import (
	"fmt"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// Settings are what a configuration says of the guards of one connector: its guard key. The
// zero Settings have every guard off.
type Settings struct {
	Cache    CacheSettings    `yaml:"cache"`
	Lockout  LockoutSettings  `yaml:"lockout"`
	Bulkhead BulkheadSettings `yaml:"bulkhead"`
	Breaker  BreakerSettings  `yaml:"breaker"`
}

// CacheSettings say what is remembered of the directory's answers.
type CacheSettings struct {
	TTL     time.Duration `yaml:"ttl"`     // how long a right password is
	Stale   time.Duration `yaml:"stale"`   // how much longer, while the directory does not answer
	Unknown time.Duration `yaml:"unknown"` // how long it is that a name is unknown
}

// LockoutSettings keep logins from locking an account at the directory.
type LockoutSettings struct {
	Budget   int           `yaml:"budget"`   // how many different wrong passwords the directory is sent for an account; 0: any number
	Familiar int           `yaml:"familiar"` // how many more from where the account has signed in before
	Window   time.Duration `yaml:"window"`   // how long they count, from the last of them on
}

// BulkheadSettings bound the load on the directory.
type BulkheadSettings struct {
	Max int `yaml:"max"` // how many logins the directory is asked about at once; 0: any number
}

// BreakerSettings say when a directory is left alone.
type BreakerSettings struct {
	Failures int           `yaml:"failures"` // after how many outages on end; 0: never
	Probe    time.Duration `yaml:"probe"`    // how long, until one login tries again
}

// DefaultSettings are right for most directories.
func DefaultSettings() Settings {
	return Settings{
		Cache:    CacheSettings{TTL: 2 * time.Minute, Unknown: 30 * time.Second},
		Lockout:  LockoutSettings{Budget: 3, Familiar: 1, Window: 15 * time.Minute},
		Bulkhead: BulkheadSettings{Max: 32},
		Breaker:  BreakerSettings{Failures: 5, Probe: 2 * time.Second},
	}
}

// The bounds of the settings.
const (
	maxTTL      = time.Hour
	maxStale    = 10 * time.Minute
	maxUnknown  = 5 * time.Minute
	maxBudget   = 1000
	minWindow   = time.Second
	maxWindow   = 24 * time.Hour
	maxAtOnce   = 10_000
	maxFailures = 1000
	minProbe    = 100 * time.Millisecond
	maxProbe    = 10 * time.Second // so that a directory is back in use soon after its return
)

// Validate returns what is wrong.
func (s *Settings) Validate() []connectors.FieldProblem {
	var problems []connectors.FieldProblem
	duration := func(field string, d, low, high time.Duration) {
		if d < low || d > high {
			problems = append(problems, connectors.FieldProblem{Field: field, Message: fmt.Sprintf("want a duration from %s to %s", shown(low), shown(high))})
		}
	}
	number := func(field string, n, high int) {
		if n < 0 || n > high {
			problems = append(problems, connectors.FieldProblem{Field: field, Message: fmt.Sprintf("want a number from 0 to %d", high)})
		}
	}
	duration("cache.ttl", s.Cache.TTL, 0, maxTTL)
	duration("cache.stale", s.Cache.Stale, 0, maxStale)
	duration("cache.unknown", s.Cache.Unknown, 0, maxUnknown)
	number("lockout.budget", s.Lockout.Budget, maxBudget)
	number("lockout.familiar", s.Lockout.Familiar, maxBudget)
	duration("lockout.window", s.Lockout.Window, minWindow, maxWindow)
	number("bulkhead.max", s.Bulkhead.Max, maxAtOnce)
	number("breaker.failures", s.Breaker.Failures, maxFailures)
	duration("breaker.probe", s.Breaker.Probe, minProbe, maxProbe)
	if s.Cache.Stale > 0 && s.Cache.TTL == 0 {
		problems = append(problems, connectors.FieldProblem{Field: "cache.stale", Message: "without cache.ttl nothing is remembered that could be stale: set cache.ttl, or remove the key"})
	}
	return problems
}

// shown is a duration as people write it.
func shown(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
