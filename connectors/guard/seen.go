package guard

import (
	"cmp"
	"slices"
	"time"
)

// maxSeen is how many passwords are remembered of an account, or a name, whose time is over:
// that they were tried, and no more. It is the same for names that nobody has, which would
// else be told by what the limits take for them.
const maxSeen = 32

// mark is what is left of a password then. Two may have one in common, hardly ever: all that
// comes of it is that a guess takes nothing of the limits.
type mark [8]byte

func markOf(d digest) mark { return mark(d[:8]) }

// hasSeen reports whether a password was tried before, as far as there is memory of it.
func (r *record) hasSeen(d digest) bool {
	_, tried := r.tries[d]
	return tried || slices.Contains(r.seen, markOf(d))
}

// expire has nothing left of the tries that are over but that they were.
func (r *record) expire(now time.Time) {
	var over []digest
	for d, t := range r.tries {
		if t.pending == 0 && !t.isNew() && !t.weighs(now) && !t.looks(now) {
			over = append(over, d)
		}
	}
	slices.SortFunc(over, func(a, b digest) int {
		one, other := r.tries[a], r.tries[b]
		return cmp.Or(one.until.Compare(other.until), cmp.Compare(one.begun, other.begun))
	})
	for _, d := range over {
		delete(r.tries, d)
		r.note(markOf(d))
	}
}

// note adds marks to those that were seen. Those that were first seen longest ago go: when a
// password comes again says what became of it, which is not the same for every account.
func (r *record) note(marks ...mark) {
	all := r.seen
	for _, m := range marks {
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	r.seen = slices.Clone(all[max(0, len(all)-maxSeen):]) // no longer than it is
}
