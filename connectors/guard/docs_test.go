package guard_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

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
	for heading, defaults := range map[string][]string{
		"## Answers from memory":         {"`ttl: " + brief(d.Cache.TTL) + "`", "`unknown: " + d.Cache.Unknown.String() + "`"},
		"## Wrong passwords":             {fmt.Sprintf("`budget: %d`, `familiar: %d`, `window: %s`", d.Lockout.Budget, d.Lockout.Familiar, brief(d.Lockout.Window))},
		"## What the directory locks at": {fmt.Sprintf("locks after %d or more", d.Lockout.Budget+d.Lockout.Familiar+1)},
		"## Guessing":                    {fmt.Sprintf("%d at once", l.Network.Burst), fmt.Sprintf("%d at once", l.Account.Burst), fmt.Sprintf("%d at once", l.Overall.Burst)},
		"### Deadlines":                  nil,
		"### Logins at once":             {fmt.Sprintf("`max: %d`", d.Bulkhead.Max)},
		"### Breaker":                    {fmt.Sprintf("`failures: %d`, `probe: %s`", d.Breaker.Failures, d.Breaker.Probe)},
		"### Stale answers":              {"off"},
		"## Equal answers":               nil,
		"## Overload":                    nil,
	} {
		_, rest, ok := strings.Cut(page(t, "protection.md"), "\n"+heading+"\n")
		section, _, _ := strings.Cut(rest, "\n## ")
		section, _, _ = strings.Cut(section, "\n### ")
		section = strings.Join(strings.Fields(section), " ")
		for _, want := range append(defaults, "**To see it**", "**A tester**") {
			if !ok || !strings.Contains(section, want) {
				t.Errorf("%s says nothing of %s", heading, want)
			}
		}
		if !strings.Contains(section, "**Default**") && !strings.Contains(section, "| Default |") {
			t.Errorf("%s has no default", heading)
		}
	}
}
