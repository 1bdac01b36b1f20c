package telltale

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// AUC is how well times of one kind can be told from those of another: the share of pairs,
// one of each, in which the first is the longer one. It is 0.5 where nothing can be told, and
// 0 or 1 where everything can. It is the statistic of Mann and Whitney's U test, divided by
// the number of pairs.
type AUC struct {
	Value     float64
	Low, High float64 // of its confidence interval, 95 %
}

// Compare compares two lists of times, neither of which is empty.
func Compare(these, those []time.Duration) AUC {
	m, n := float64(len(these)), float64(len(those))
	a := (rankSum(these, those) - m*(m+1)/2) / (m * n)
	// Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 143
	// (1982).
	q1, q2 := a/(2-a), 2*a*a/(1+a)
	margin := 1.96 * math.Sqrt((a*(1-a)+(m-1)*(q1-a*a)+(n-1)*(q2-a*a))/(m*n))
	return AUC{a, max(0, a-margin), min(1, a+margin)}
}

// rankSum adds up the ranks that these have among all; those that are equal share theirs.
func rankSum(these, those []time.Duration) (sum float64) {
	type sample struct {
		took time.Duration
		mine bool
	}
	var all []sample
	for _, t := range these {
		all = append(all, sample{t, true})
	}
	for _, t := range those {
		all = append(all, sample{t, false})
	}
	slices.SortFunc(all, func(a, b sample) int { return cmp.Compare(a.took, b.took) })
	for first := 0; first < len(all); {
		next, mine := first, 0
		for ; next < len(all) && all[next].took == all[first].took; next++ {
			if all[next].mine {
				mine++
			}
		}
		sum += float64(mine) * float64(first+1+next) / 2
		first = next
	}
	return sum
}

// String shows the value and its confidence interval.
func (a AUC) String() string { return fmt.Sprintf("%.3f (%.3f to %.3f)", a.Value, a.Low, a.High) }
