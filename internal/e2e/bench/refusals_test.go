package bench_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/telltale"
)

// refusals is how many of each kind are measured.
const refusals = 5000

// BenchmarkRefusals measures whether the time of a refusal tells which names there are. It
// fails where the AUC of two kinds is not between 0.45 and 0.55.
func BenchmarkRefusals(b *testing.B) {
	programs.build(b)
	took := telltale.Start(b, programs.broker, refusals).Measure(b)
	for _, p := range telltale.Pairs() {
		these, those := took[p.These], took[p.Those]
		auc := telltale.Compare(these, those)
		if auc.Value < 0.45 || auc.Value > 0.55 {
			b.Errorf("%s; %s: AUC %s, want 0.45 to 0.55", p.These, p.Those, auc)
		}
		report.add(ofRefusals, fmt.Sprintf("%s; %s", p.These, p.Those), milliseconds(these), milliseconds(those), auc.String())
	}
	for b.Loop() { // once is enough
	}
	b.ReportMetric(telltale.Compare(took[telltale.Unknown], took[telltale.Wrong]).Value, "AUC")
	b.ReportMetric(0, "ns/op")
}

// milliseconds shows the median of times, and between which half of them lie.
func milliseconds(took []time.Duration) string {
	sorted := slices.Sorted(slices.Values(took))
	at := func(quarter int) float64 { return float64(sorted[quarter*(len(sorted)-1)/4].Microseconds()) / 1000 }
	return fmt.Sprintf("%.1f (%.1f to %.1f)", at(2), at(1), at(3))
}
