package guard_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

func page(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestReferenceBounds compares the highest values that the reference names with those that
// are taken: "At most `1h`", or "`1s` to `24h`".
func TestReferenceBounds(t *testing.T) {
	reference := page(t, "configuration.md")
	numbers := map[string]func(*guard.Settings) *int{
		"lockout.budget":   func(s *guard.Settings) *int { return &s.Lockout.Budget },
		"lockout.familiar": func(s *guard.Settings) *int { return &s.Lockout.Familiar },
		"bulkhead.max":     func(s *guard.Settings) *int { return &s.Bulkhead.Max },
		"breaker.failures": func(s *guard.Settings) *int { return &s.Breaker.Failures },
	}
	durations := map[string]func(*guard.Settings) *time.Duration{
		"cache.ttl":      func(s *guard.Settings) *time.Duration { return &s.Cache.TTL },
		"cache.stale":    func(s *guard.Settings) *time.Duration { return &s.Cache.Stale },
		"cache.unknown":  func(s *guard.Settings) *time.Duration { return &s.Cache.Unknown },
		"lockout.window": func(s *guard.Settings) *time.Duration { return &s.Lockout.Window },
		"breaker.probe":  func(s *guard.Settings) *time.Duration { return &s.Breaker.Probe },
	}
	highest := func(key string) string {
		row := regexp.MustCompile("(?m)^\\| `guard\\." + regexp.QuoteMeta(key) + "` .*$").FindString(reference)
		m := regexp.MustCompile("(?:At most|` to) `([0-9a-z]+)`").FindStringSubmatch(row)
		if m == nil {
			t.Fatalf("the reference names no highest value of guard.%s: %s", key, row)
		}
		return m[1]
	}
	wantHighest := func(key string, set func(s *guard.Settings, more int)) {
		for more, problems := range []int{0, 1} {
			s := guard.DefaultSettings()
			set(&s, more)
			if got := s.Validate(); len(got) != problems || problems > 0 && got[0].Field != key {
				t.Errorf("guard.%s: %s and %d more: %v", key, highest(key), more, got)
			}
		}
	}
	for key, field := range numbers {
		high, err := strconv.Atoi(highest(key))
		if err != nil {
			t.Fatal(err)
		}
		wantHighest(key, func(s *guard.Settings, more int) { *field(s) = high + more })
	}
	for key, field := range durations {
		high, err := time.ParseDuration(highest(key))
		if err != nil {
			t.Fatal(err)
		}
		wantHighest(key, func(s *guard.Settings, more int) { *field(s) = high + time.Duration(more) })
	}
}

// TestProtectionPage wants docs/protection.md to say of each guard what it is by default, how
// to see it, and what a tester reports about it.
func TestProtectionPage(t *testing.T) {
	d, l := guard.DefaultSettings(), guard.DefaultLimits()
	brief := func(d time.Duration) string { return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m") }
	stale := "**Default**: off."
	if d.Cache.Stale > 0 {
		stale = "**Default**: `stale: " + brief(d.Cache.Stale) + "`"
	}
	fresh := guard.Password(&book{}, guard.Config{}).(connectors.Paced).RefusalTime()
	for heading, defaults := range map[string][]string{
		"## Answers from memory":         {"**Default**: `ttl: " + brief(d.Cache.TTL) + "`, `unknown: " + d.Cache.Unknown.String() + "`."},
		"## Wrong passwords":             {fmt.Sprintf("**Default**: `budget: %d`, `familiar: %d`, `window: %s`.", d.Lockout.Budget, d.Lockout.Familiar, brief(d.Lockout.Window))},
		"### Proxies and restarts":       {fmt.Sprintf("with the defaults, where %d or more lock", 2*d.Lockout.Budget+d.Lockout.Familiar+1)},
		"## What the directory locks at": {fmt.Sprintf("**Default**: fits a directory that locks after %d or more wrong passwords within %.0f minutes or less.", d.Lockout.Budget+d.Lockout.Familiar+1, d.Lockout.Window.Minutes())},
		"## Guessing": {
			"| one client network (`network`) | " + row(l.Network), "(`account`) | " + row(l.Account), "| all together (`overall`) | " + row(l.Overall),
			"| twice that | " + guesses(guard.Rate{Burst: 2 * l.Account.Burst, Per: l.Account.Per}),
			fmt.Sprintf("Where more than %d accounts", l.Network.Burst), fmt.Sprintf("`overall` (%d at once)", l.Overall.Burst),
		},
		"### Deadlines":      {"**Default**: as said"},
		"### Logins at once": {fmt.Sprintf("**Default**: `max: %d`.", d.Bulkhead.Max)},
		"### Breaker":        {fmt.Sprintf("**Default**: `failures: %d`, `probe: %s`.", d.Breaker.Failures, d.Breaker.Probe)},
		"### Stale answers":  {stale},
		"## Equal answers":   {fmt.Sprintf("**Default**: always on; %s until twenty", map[time.Duration]string{time.Second / 4: "a quarter of a second"}[fresh])},
		"## Overload":        {"**Default**"}, // which internal/config compares
	} {
		_, rest, ok := strings.Cut(page(t, "protection.md"), "\n"+heading+"\n")
		section, _, _ := strings.Cut(rest, "\n## ")
		section, _, _ = strings.Cut(section, "\n### ")
		section = strings.Join(strings.Fields(section), " ")
		if heading != "### Proxies and restarts" {
			defaults = append(defaults, "**To see it**", "**A tester**")
		}
		for _, want := range defaults {
			if !ok || !strings.Contains(section, want) {
				t.Errorf("%s says nothing of %s", heading, want)
			}
		}
	}
}

// row is what the table has of a limit: how many there are at once and then, and what that
// makes in days.
func row(r guard.Rate) string {
	const day = 24 * time.Hour
	then := map[time.Duration]string{time.Second / 10: "ten a second", time.Second: "one a second", day / 30: "30 a day"}[r.Per/time.Duration(r.Burst)]
	return fmt.Sprintf("%d at once, then %s | %s", r.Burst, then, guesses(r))
}

// guesses is how many a limit lets pass on the first day, all that there are at once and what
// comes again, and on each after it.
func guesses(r guard.Rate) string {
	thousands := func(n int) string {
		if n < 1000 {
			return strconv.Itoa(n)
		}
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	daily := int(float64(r.Burst) * float64(24*time.Hour) / float64(r.Per))
	return thousands(r.Burst+daily) + " and " + thousands(daily) + " |"
}
