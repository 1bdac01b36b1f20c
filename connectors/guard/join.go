package guard

// alias has names of an account mean it by which nobody has signed in, with what was counted
// by them. By whose name somebody has signed in, the upstream has said whose it is.
func (s *Shield) alias(upstream string, names []string, k key, r *record) {
	for _, name := range names {
		of := key{upstream, name, true}
		if s.aliases.Contains(of) {
			continue
		}
		s.aliases.Add(of, k)
		if former, ok := s.names.Peek(of); ok {
			s.names.Remove(of)
			r.take(former)
		}
	}
}

// join makes the record of a name, or of an account that has lost its name, that of the
// account that has the name, and returns that account's. Where it is another account's by now,
// which has signed in by the same name meanwhile, it stays that one's: a record is nobody's, or
// one key's, and what stands in the place of another is never moved there.
func (s *Shield) join(former, account key, r *record) *record {
	if current, _ := s.records(former).Peek(former); current != r {
		return s.record(account)
	}
	s.records(former).Remove(former)
	known, ok := s.accounts.Get(account)
	if !ok {
		s.accounts.Add(account, r)
		return r
	}
	known.take(r)
	return known
}

// take adds what another record has, of the same account, and stands in its place.
func (r *record) take(other *record) {
	for d, t := range other.tries {
		if mine := r.tries[d]; mine != nil {
			t.take(mine)
		}
		r.tries[d] = t
	}
	r.pending += other.pending
	r.note(other.seen...)
	for _, p := range other.places {
		r.seenAt(p)
	}
	other.moved = r
	other.tell()
}

// take adds what another try has, of the same password. Where only one of them counts, both
// do: that is no less than the directory has counted.
func (t *try) take(other *try) {
	t.wrong += other.wrong
	t.pending += other.pending
	t.sure = t.sure || other.sure
	t.shown = t.shown || other.shown
	t.cleared = t.cleared && other.cleared
	if other.until.After(t.until) {
		t.until = other.until
	}
	if other.look.After(t.look) {
		t.look = other.look
	}
	if other.turn > t.turn {
		t.last, t.turn = other.last, other.turn
	}
}
