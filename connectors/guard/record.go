package guard

import (
	"net/netip"
	"time"
)

// maxTries is how many passwords are remembered of an account besides those that count.
const maxTries = 64

// record is what is remembered of the failed logins of an account, or of a name. Whoever
// uses it holds the lock of the Shield.
type record struct {
	username string  // as the account goes by; of one that is not known, as it was typed
	places   []Place // where logins came for it
	settings LockoutSettings
	look     Look
	tries    map[digest]*try
	seen     []mark        // of passwords whose time is over, the last one last
	pending  int           // logins that the directory is asked about
	limit    *bucket       // of the account
	familiar *bucket       // of it where it has signed in before; nil: nothing was taken
	moved    *record       // what has taken its place
	settled  chan struct{} // closed when a login has ended that was pending; nil: nobody waits for one
	begun    int           // how many tries have

	client netip.Addr // where the last refused login came from; may not be known
	last   time.Time  // when
}

// try is a password that was tried. One whose time is over weighs nothing: see expire. What
// clients see of it may last for longer: see [Look].
type try struct {
	until   time.Time // how long it weighs; zero: it was not refused
	wrong   int       // how often the directory has counted it as wrong, or may have
	sure    bool      // it was refused for being wrong, beyond doubt
	shown   bool      // clients are told that it is wrong, and not that there were too many
	look    time.Time // how long they are, once they were
	cleared bool      // somebody has signed in since
	pending int       // logins by it that the directory is asked about
	begun   int       // which try of the record it is
	last    time.Time // when the directory refused it last
	turn    uint64    // which refusal that was: see Shield.turn
}

// isNew reports whether the password was never refused.
func (t *try) isNew() bool { return t.until.IsZero() && t.look.IsZero() }

// weighs reports whether the try is still remembered against the password.
func (t *try) weighs(now time.Time) bool { return now.Before(t.until) }

// looks reports whether clients are to see of the password what they saw before.
func (t *try) looks(now time.Time) bool { return now.Before(t.look) }

// isWrong reports whether the password is known to be wrong.
func (t *try) isWrong(now time.Time) bool { return t.sure && t.weighs(now) }

// hasPlace reports whether the try is one of those that clients may be told are wrong.
func (t *try) hasPlace(now time.Time) bool {
	return t.shown && !t.cleared && (t.pending > 0 || t.looks(now))
}

// counted is how often the directory has counted a wrong password, or may have.
func (r *record) counted(now time.Time) int {
	n := 0
	for _, t := range r.tries {
		if !t.cleared && t.weighs(now) {
			n += t.wrong
		}
	}
	return n
}

// begin returns the try of a password, of which nothing is left that is over.
func (r *record) begin(d digest, now time.Time) *try {
	r.expire(now)
	t := r.tries[d]
	switch {
	case t == nil:
		r.begun++
		t = &try{begun: r.begun}
		r.tries[d] = t
	case t.isNew() || t.weighs(now):
	case t.looks(now):
		t.wrong, t.sure = 0, false
	default:
		r.begun++
		*t = try{pending: t.pending, begun: r.begun}
	}
	return t
}

// show reports whether clients are told that a password is wrong, which it is to be: the
// first of an account are, as many as there may be. They cannot tell by it whose password
// it was, nor why it was refused.
func (r *record) show(t *try, now time.Time) bool {
	if !t.look.IsZero() && !t.looks(now) {
		t.shown, t.look = false, time.Time{}
	}
	if t.shown || r.look.Budget == 0 {
		t.shown = true
		return true
	}
	places := 0
	for _, other := range r.tries {
		if other.hasPlace(now) {
			places++
		}
	}
	t.shown = places < r.look.Budget
	return t.shown
}

// wait is how long it is until another password would be shown to be wrong.
func (r *record) wait(now time.Time) time.Duration {
	soonest := r.look.Window
	for _, t := range r.tries {
		if t.hasPlace(now) && t.looks(now) {
			soonest = min(soonest, t.look.Sub(now))
		}
	}
	return soonest
}

// verdict is what a refusal says of the password.
type verdict int

const (
	isOther verdict = iota // nothing: it was for another reason
	inDoubt                // nothing, and the directory may have counted it as wrong
	isWrong
)

// refuse notes that a password was refused in a turn.
func (r *record) refuse(d digest, v verdict, turn uint64, now time.Time) {
	t := r.begin(d, now)
	t.last, t.turn = now, turn
	t.sure = t.sure || v == isWrong
	wrong := v != isOther
	switch {
	case wrong && t.cleared:
		t.wrong, t.cleared = 1, false
		if t.shown {
			r.prolongLook(t, now)
		}
	case wrong:
		t.wrong++
	case !t.shown: // it is one of those that are too many
		r.note(markOf(d))
		r.forget(d)
		return
	}
	if wrong || !t.weighs(now) {
		r.prolong(t, now)
		if r.look.is(r.settings) { // else they would part where the one is prolonged alone
			r.prolongLook(t, now)
		}
	}
	r.trim(now)
}

// prolong has a try weigh for the window from now on, and with it all that count. Directories
// forget wrong passwords together, when none has come for a time: if each had a time of its
// own here, guesses far enough apart would never end, and add up there until it locks.
func (r *record) prolong(t *try, now time.Time) {
	for _, other := range r.tries {
		if other == t || !other.cleared && other.weighs(now) {
			other.until = now.Add(r.settings.Window)
		}
	}
}

// prolongLook has clients see of a password what they are told, for the window of the look
// from now on, and with it of all. A password that comes again prolongs nothing, whoever
// counts it: those of names that nobody has are counted by nobody.
func (r *record) prolongLook(t *try, now time.Time) {
	for _, other := range r.tries {
		if other == t || !other.cleared && other.looks(now) {
			other.look = now.Add(r.look.Window)
		}
	}
}

// forget forgets a password of which nothing came.
func (r *record) forget(d digest) {
	if t := r.tries[d]; t != nil && t.pending == 0 && t.isNew() {
		delete(r.tries, d)
	}
}

// clear notes that somebody has signed in by a password, for which the directory was asked
// in a turn. Those that were wrong before stay so, and count no more. What was refused later
// counts: the directory may have seen it after the right one, which is all it takes to have
// it counted there, however long it then took to answer.
func (r *record) clear(right digest, asked uint64) {
	for d, t := range r.tries {
		switch {
		case t.turn > asked: // the right one, too, if it is no longer that: but it may be again
			t.sure = t.sure && d != right
		case t.wrong > 0 && d != right:
			t.cleared = true
		case t.pending == 0:
			delete(r.tries, d)
		default:
			*t = try{pending: t.pending, shown: t.shown, begun: t.begun}
		}
	}
}

// trim keeps the record small: what does not count any more goes first, and what is over
// soonest. Of what counts there is no more than the budget. What clients are told is wrong
// stays, where that has an end: else another would be in its place.
func (r *record) trim(now time.Time) {
	for len(r.tries) > maxTries+r.settings.Budget+r.settings.Familiar {
		var gone digest
		var least *try
		for d, t := range r.tries {
			if stays := t.pending > 0 || r.look.Budget > 0 && t.hasPlace(now); !stays && (least == nil || t.goesBefore(least)) {
				gone, least = d, t
			}
		}
		if least == nil {
			return
		}
		delete(r.tries, gone)
	}
}

// goesBefore reports whether the try is less of a loss than another.
func (t *try) goesBefore(other *try) bool {
	if counts := t.wrong > 0 && !t.cleared; counts != (other.wrong > 0 && !other.cleared) {
		return !counts
	}
	return t.until.Before(other.until)
}

// isIdle reports whether there is nothing to remember, nor anything under way.
func (r *record) isIdle(now time.Time) bool {
	return len(r.tries) == 0 && r.limit.isFull(now) && (r.familiar == nil || r.familiar.isFull(now))
}

// maxPlaces is how many places are named of a record.
const maxPlaces = 16

// seenAt notes where a login came for it.
func (r *record) seenAt(p Place) {
	for _, known := range r.places {
		if known == p {
			return
		}
	}
	if len(r.places) < maxPlaces {
		r.places = append(r.places, p)
	}
}
