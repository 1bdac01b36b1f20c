package telltale_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/telltale"
)

func TestCompare(t *testing.T) {
	for name, tt := range map[string]struct {
		these, those []time.Duration
		want         float64
	}{
		"all longer":        {[]time.Duration{4, 5}, []time.Duration{1, 2, 3}, 1},
		"all shorter":       {[]time.Duration{1, 2}, []time.Duration{3, 4, 5}, 0},
		"the same":          {[]time.Duration{7, 7}, []time.Duration{7, 7, 7}, 0.5},
		"in between":        {[]time.Duration{2}, []time.Duration{1, 3}, 0.5},
		"a pair of three":   {[]time.Duration{2}, []time.Duration{1, 3, 3}, 1.0 / 3},
		"some of the same":  {[]time.Duration{1, 2}, []time.Duration{1, 1}, 0.75},
		"one of each alone": {[]time.Duration{2}, []time.Duration{2}, 0.5},
	} {
		if got := telltale.Compare(tt.these, tt.those); math.Abs(got.Value-tt.want) > 1e-9 || got.Low > got.Value || got.High < got.Value {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// TestConfidence holds that the interval is what it says to be: of lists that cannot be
// told apart, 95 of 100 have 0.5 in theirs.
func TestConfidence(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same at every run
	times := func(n int) []time.Duration {
		list := make([]time.Duration, n)
		for i := range list {
			list[i] = time.Duration(random.Int64N(1000))
		}
		return list
	}
	const runs = 400
	inside := 0
	for range runs {
		if a := telltale.Compare(times(200), times(300)); a.Low <= 0.5 && 0.5 <= a.High {
			inside++
		}
	}
	if share := float64(inside) / runs; share < 0.92 || share > 0.98 {
		t.Errorf("0.5 is within %.3f of the intervals, want 0.95", share)
	}
}
