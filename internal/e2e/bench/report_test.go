package bench_test

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// table is rows of figures beside those of a floor, and where a request's time goes.
type table struct {
	rows   []row
	stages [][]string // what, and microseconds on each path
}

// place is where rows stand, whichever were measured first.
type place int

const (
	ofTokens place = iota
	ofProviders
	ofAllocations
	ofDecisions
	ofProcess
)

// row is one figure.
type row struct {
	place
	what        string
	ours, floor string
	ratio       string // of ours to the floor's; with the quartiles of the rounds where there are any
}

func (t *table) add(at place, what, ours, floor, ratio string) {
	t.rows = append(t.rows, row{at, what, ours, floor, ratio})
}

// print writes Markdown; nothing where nothing was measured.
func (t *table) print(w io.Writer) {
	if len(t.rows) > 0 {
		fmt.Fprint(w, "\n| | Shorepass | its floor | of the floor |\n|---|---:|---:|---:|\n")
	}
	slices.SortStableFunc(t.rows, func(a, b row) int { return cmp.Compare(a.place, b.place) })
	for _, r := range t.rows {
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", r.what, r.ours, r.floor, r.ratio)
	}
	if len(t.stages) > 0 {
		fmt.Fprint(w, "\n| µs | anonymous | static, argon2id | LDAP, memberOf | LDAP, nested groups |\n|---|---:|---:|---:|---:|\n")
	}
	for _, s := range t.stages {
		fmt.Fprintf(w, "| %s |\n", strings.Join(s, " | "))
	}
}

// quartiles are the three quarter points of a list; zeros of an empty one.
func quartiles(list []float64) (q [3]float64) {
	if len(list) == 0 {
		return q
	}
	sorted := slices.Sorted(slices.Values(list))
	for i := range q {
		q[i] = sorted[(i+1)*(len(sorted)-1)/4]
	}
	return q
}

func median(list []float64) float64 { return quartiles(list)[1] }

// ratios divides the figures of one round after the other.
func ratios(ours, floor []float64) []float64 {
	list := make([]float64, len(ours))
	for i := range ours {
		list[i] = ours[i] / floor[i]
	}
	return list
}

// spread is the median of ratios, and between which values half of them lie.
func spread(list []float64) string {
	q := quartiles(list)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", q[1], q[0], q[2])
}

// count formats a number with thousands apart.
func count(n float64) string {
	text := fmt.Sprintf("%.0f", n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
