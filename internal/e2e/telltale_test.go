package e2e_test

import (
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/telltale"
)

// TestTimeTellsNoNames holds that refusals of names that there are, and of names that there
// are not, take the same time. The margin is wide, and a measurement may be repeated, since
// the machine has other things to do; without the hold, nine in ten can be told apart. make
// bench measures it closely.
func TestTimeTellsNoNames(t *testing.T) {
	const tries = 3
	for try := 1; ; try++ {
		took := telltale.Start(t, program, 250).Measure(t)
		alike := true
		for _, p := range telltale.Pairs() {
			a := telltale.Compare(took[p.These], took[p.Those])
			t.Logf("try %d: %s; %s: %s", try, p.These, p.Those, a)
			alike = alike && a.Value > 0.35 && a.Value < 0.65
		}
		switch {
		case alike || t.Failed():
			return
		case try == tries:
			t.Fatalf("after %d tries, refusals can be told apart", tries)
		}
	}
}
