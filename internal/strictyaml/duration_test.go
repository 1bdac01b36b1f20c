package strictyaml_test

import (
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/strictyaml"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{
		"0s": 0, "90s": 90 * time.Second, "1.5h": 90 * time.Minute, "1h30m": 90 * time.Minute, "10ms": 10 * time.Millisecond,
		"1d": day, "0d": 0, "90d": 90 * day, "1d12h": 36 * time.Hour, "106751d": 106751 * day,
	} {
		if got, err := strictyaml.ParseDuration(s); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "d", "s", "5 m", "m5", "-5m", "+5m", "-1d", "1d-1h", "1.5d", "1d1d", "1h1d", "1d5", "106752d", "106751d24h", "99999999999d", "9999999h", "1w", "1y", "٣m", "1e3s",
	} {
		if got, err := strictyaml.ParseDuration(s); err == nil {
			t.Errorf("%q: got %v, want an error", s, got)
		}
	}
}
