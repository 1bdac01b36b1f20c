package guard

import "time"

// againAfter is how long a password is known to be wrong that was the right one before.
const againAfter = 15 * time.Minute

// right is a password by which somebody has signed in.
type right struct {
	password digest
	at       time.Time
}

// isRight reports whether somebody has signed in by the password of an attempt since it began.
func (s *Shield) isRight(k key, a attempt) bool {
	last, ok := s.rights.Peek(k)
	return ok && last.password == a.password && last.at.After(a.begun)
}

// again reports whether the directory is asked about a password of an account's that is known
// to be wrong: the last one that was right, a while after it was refused. Where a directory
// calls it wrong because the account is locked for a minute, or because it has yet to hear of
// a new password, it is right long before the window is over. It never takes the last
// place: if it was changed, machines go on sending it.
func (s *Shield) again(k key, r *record, t *try, a attempt, now time.Time) bool {
	last, ok := s.rights.Peek(k)
	if !ok || last.password != a.password || now.Sub(t.last) < againAfter {
		return false
	}
	budget := a.settings.Budget
	return budget == 0 || r.counted(now)+r.pending < budget-1
}
