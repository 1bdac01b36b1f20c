package guard

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// Lockout is what a [Shield] holds against an account, a name that nobody knows, a client
// network, or everybody.
type Lockout struct {
	// Of an account or a name.
	Places   []Place // the connectors that logins came to for it; for a name that nobody knows, the realm alone
	Username string  // as the account goes by; where that is not known, as it was typed
	ID       string  // of the account; empty where only its name is known
	Refused  int     // how many different passwords were refused that are still remembered
	Counted  int     // how often the directory has counted a wrong one, or may have
	Budget   int     // how many it may; 0: any number

	Network netip.Prefix      // of a client network; of others the zero Prefix
	Limit   connectors.Reason // the limit that is spent: account-limit, network-limit, overall-limit; empty: none

	// Until is when the next login is let through that is none of the familiar ones, or where
	// the limit of these alone is spent, one of these: the zero Time where one is now.
	Until time.Time

	Client netip.Addr // where the last refused login came from; the zero Addr where that is not known
	Last   time.Time  // when
}

// Filter chooses what is to be cleared. The zero Filter chooses all.
type Filter struct {
	Realm    string // accounts and names that logins came for in this realm
	Username string // the account that goes by this name, or that this was typed for; in canonical form
}

// List returns what the shield holds against those whom one of the filters chooses, or
// anybody where there is none: accounts and names of which a refused password is
// remembered, and limits that are spent. The last refused comes first, then limits.
func (s *Shield) List(filters ...Filter) []Lockout {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(filters) == 0 {
		filters = []Filter{{}}
	}
	return s.list(filters, time.Now())
}

func (s *Shield) list(filters []Filter, now time.Time) []Lockout {
	var list []Lockout
	for _, k := range s.chosen(filters) {
		r, _ := s.records(k).Peek(k)
		if l := r.lockout(k, now); l.Refused > 0 || l.Limit != "" {
			list = append(list, l)
		}
	}
	slices.SortStableFunc(list, func(a, b Lockout) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Username, b.Username), cmp.Compare(a.ID, b.ID))
	})
	if !slices.Contains(filters, Filter{}) {
		return list
	}
	networks := s.networks.Keys()
	slices.SortFunc(networks, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	for _, n := range networks {
		if b, _ := s.networks.Peek(n); b.wait(now) > 0 {
			list = append(list, Lockout{Network: n, Limit: connectors.ReasonNetworkLimit, Until: now.Add(b.wait(now))})
		}
	}
	if wait := s.overall.wait(now); wait > 0 {
		list = append(list, Lockout{Limit: connectors.ReasonOverallLimit, Until: now.Add(wait)})
	}
	return list
}

// lockout describes the record of a key.
func (r *record) lockout(k key, now time.Time) Lockout {
	l := Lockout{
		Places: slices.Clone(r.places), Username: r.username,
		Counted: r.counted(now), Budget: r.settings.Budget, Client: r.client, Last: r.last,
	}
	if !k.isName {
		l.ID = k.id
	}
	places := 0
	for _, t := range r.tries {
		if t.weighs(now) {
			l.Refused++
		}
		if t.hasPlace(now) {
			places++
		}
	}
	for _, b := range [...]*bucket{r.limit, r.familiar} {
		if b != nil && l.Limit == "" && b.wait(now) > 0 {
			l.Limit, l.Until = connectors.ReasonAccountLimit, now.Add(b.wait(now))
		}
	}
	if l.Budget > 0 && max(l.Counted, places) >= l.Budget {
		until := now.Add(r.wait(now))
		if l.Counted >= l.Budget {
			until = r.soonest(now)
		}
		if until.After(l.Until) {
			l.Until = until
		}
	}
	return l
}

// soonest is when the first of what counts is forgotten.
func (r *record) soonest(now time.Time) (soonest time.Time) {
	for _, t := range r.tries {
		if t.wrong > 0 && t.weighs(now) && !t.cleared && (soonest.IsZero() || t.until.Before(soonest)) {
			soonest = t.until
		}
	}
	return soonest
}

// Clear forgets the failed logins of what the filter chooses: what counts, which passwords
// were wrong, and what was taken of the limits of the account; where it chooses all, of
// those of networks and of all together, too. It returns how much that was, counted as in
// [Shield.List].
func (s *Shield) Clear(f Filter) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.list([]Filter{f}, time.Now()))
	for _, k := range s.chosen([]Filter{f}) {
		s.records(k).Remove(k)
	}
	if f == (Filter{}) {
		s.networks.Purge()
		s.overall.tell()
		s.overall = newBucket(s.limits.Overall)
	}
	return n
}

// ClearNetworks forgets what was taken of the limits of client networks: of those in the
// range, and of the one that a smaller range is in. What is held against accounts stays. It
// returns of how many nothing was left.
func (s *Shield) ClearNetworks(in netip.Prefix) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, network := range s.networks.Keys() {
		if !network.Overlaps(in) {
			continue
		}
		if b, _ := s.networks.Peek(network); b.wait(now) > 0 {
			n++
		}
		s.networks.Remove(network)
	}
	return n
}

// chosen returns the keys of the records that one of the filters chooses.
func (s *Shield) chosen(filters []Filter) []key {
	typed := map[key][]string{}
	for _, alias := range s.aliases.Keys() {
		k, _ := s.aliases.Peek(alias)
		typed[k] = append(typed[k], alias.id)
	}
	return slices.DeleteFunc(append(s.accounts.Keys(), s.names.Keys()...), func(k key) bool {
		r, _ := s.records(k).Peek(k)
		return !slices.ContainsFunc(filters, func(f Filter) bool { return f.chooses(r, typed[k]) })
	})
}

// chooses reports whether a filter chooses the record of an account, for which other names
// were typed.
func (f Filter) chooses(r *record, typed []string) bool {
	inRealm := slices.ContainsFunc(r.places, func(p Place) bool { return p.Realm == f.Realm })
	isUser := r.username == f.Username || slices.Contains(typed, f.Username)
	return (f.Realm == "" || inRealm) && (f.Username == "" || isUser)
}
