package main

import (
	"slices"
	"time"
)

// result is what came of a load.
type result struct {
	Seconds     float64
	Connections int      // that were opened
	Unsent      int      // requests that were due when all connections waited for answers
	Broken      []string `json:",omitempty"` // why connections ended before their answer
	Statuses    []status
}

// status is the answers of one.
type status struct {
	Status   int
	Count    int
	P50, P99 float64 // milliseconds from when they were due
}

func (f *flood) result(took time.Duration) result {
	r := result{Seconds: took.Seconds(), Connections: f.opened, Unsent: f.unsent, Broken: f.broken}
	for code, list := range f.answers {
		slices.Sort(list)
		at := func(percent int) float64 {
			return float64(list[len(list)*percent/100].Microseconds()) / 1000
		}
		r.Statuses = append(r.Statuses, status{code, len(list), at(50), at(99)})
	}
	slices.SortFunc(r.Statuses, func(a, b status) int { return a.Status - b.Status })
	return r
}
