package guard

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/shorepass/shorepass/connectors"
)

// How much a Shield remembers at most. What was used longest ago goes first. What anybody
// can name is apart from what only the directories know, so that made-up names make no
// account forgotten. In fifteen minutes the default limits let 15,000 failed logins pass.
const (
	maxAccounts = 65536
	maxTyped    = 65536
	maxNetworks = 65536
)

// Shield keeps logins from locking accounts at the directories, and from guessing. It
// counts what was refused, by the account at the directory and for all connectors together:
// a process has one. It is safe for concurrent use, and holds no passwords.
type Shield struct {
	limits  Limits
	digests *digester
	homes   *homes

	mu       sync.Mutex        // of all that follows; nothing is waited for under it
	spaces   map[string]*space // by upstream
	moves    int               // how often one has taken the place of another
	accounts *simplelru.LRU[key, *record]
	names    *simplelru.LRU[key, *record] // of which it is not known whose they are
	aliases  *simplelru.LRU[key, key]     // whose names are
	networks *simplelru.LRU[netip.Prefix, *bucket]
	overall  *bucket
	rights   *simplelru.LRU[key, right] // the password by which an account has last signed in
	turn     uint64                     // how many refusals there were
}

// NewShield returns a Shield with limits.
func NewShield(l Limits) *Shield {
	s := &Shield{limits: l, spaces: map[string]*space{}, digests: newDigester(), overall: newBucket(l.Overall), homes: newHomes()}
	// These fail for a size of 0 alone.
	s.accounts, _ = simplelru.NewLRU[key, *record](maxAccounts, nil)
	s.names, _ = simplelru.NewLRU[key, *record](maxTyped, nil)
	s.aliases, _ = simplelru.NewLRU[key, key](2*maxAccounts, nil) // a name typed has two
	s.networks, _ = simplelru.NewLRU(maxNetworks, func(_ netip.Prefix, gone *bucket) { gone.tell() })
	s.rights, _ = simplelru.NewLRU[key, right](maxAccounts, nil)
	return s
}

// key is an account at a directory, or a name.
type key struct {
	space  string // of the directory, where its ids and names mean one account
	id     string
	isName bool
}

// Place is a connector of a realm; without a connector, the end of the realm's chain.
type Place struct{ Realm, Connector string }

// names is the space of the names that somebody types there.
func (p Place) names() string { return p.Realm + " " + p.Connector } // no space is in either

// attempt is a login that a Shield is asked about.
type attempt struct {
	place    Place
	upstream string // the space of the directory's accounts
	name     string // as it was typed, in canonical form
	password digest
	client   netip.Addr
	network  netip.Prefix
	settings LockoutSettings
	look     Look
	begun    time.Time
}

// keys returns what an attempt may be for, as far as its name tells.
func (s *Shield) keys(a attempt) []key {
	keys := make([]key, 0, 4)
	for _, space := range [...]string{a.place.names(), a.upstream} {
		if k, ok := s.aliases.Get(key{space, a.name, true}); ok {
			keys = append(keys, k)
		}
	}
	return append(keys, key{a.upstream, a.name, true}, a.nobody())
}

// keysOfRealm returns also whose the name was when a connector of the realm found it last,
// whichever is asked now: of an account of a later one, the first would know nothing.
func (s *Shield) keysOfRealm(a attempt) []key {
	keys := s.keys(a)
	if k, ok := s.aliases.Get(a.nobody()); ok {
		keys = append(keys, k)
	}
	return keys
}

// nobody is the key of an attempt by a name that is no one account's.
func (a attempt) nobody() key { return key{Place{Realm: a.place.Realm}.names(), a.name, true} }

// keyOf returns the key of an account that the directory has located.
func (s *Shield) keyOf(a attempt, account connectors.Account) key {
	if account.ID != "" {
		k := key{space: a.upstream, id: account.ID}
		s.aliases.Add(key{a.place.names(), a.name, true}, k)
		s.aliases.Add(a.nobody(), k)
		return k
	}
	return s.named(a)
}

// meant returns the key of the account that a name means, as far as that is known.
func (s *Shield) meant(a attempt) key {
	if k, ok := s.aliases.Get(key{a.place.names(), a.name, true}); ok {
		return k
	}
	return s.named(a)
}

// named returns the key of an account of which no more than the name is known.
func (s *Shield) named(a attempt) key {
	k := key{a.upstream, a.name, true}
	if known, ok := s.aliases.Get(k); ok {
		return known
	}
	return k
}

// records returns where the record of a key is.
func (s *Shield) records(k key) *simplelru.LRU[key, *record] {
	if k.isName {
		return s.names
	}
	return s.accounts
}

// try returns what is remembered of a password; nil: nothing.
func (s *Shield) try(k key, password digest) (*record, *try) {
	r, ok := s.records(k).Get(k)
	if !ok {
		return nil, nil
	}
	return r, r.tries[password]
}

// record returns the record of a key, a new one where there is none.
func (s *Shield) record(k key) *record {
	r, ok := s.records(k).Get(k)
	if !ok {
		r = &record{tries: map[digest]*try{}, limit: newBucket(s.limits.Account)}
		s.records(k).Add(k, r)
	}
	return r
}

// network returns what is left to a client network.
func (s *Shield) network(n netip.Prefix) *bucket {
	b, ok := s.networks.Get(n)
	if !ok {
		b = newBucket(s.limits.Network)
		s.networks.Add(n, b)
	}
	return b
}

// known refuses a password that the directory has refused a while ago.
func (s *Shield) known(a attempt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, k := range s.keys(a) {
		if r, t := s.try(k, a.password); t != nil && t.isWrong(now) && !s.again(k, r, t, a, now) {
			return r.refusal(t, connectors.Reject(connectors.ReasonKnownWrong), a, now)
		}
	}
	return nil
}

// refusal is the answer to a password that was refused, for whatever reason: this, or that
// there were too many.
func (r *record) refusal(t *try, because error, a attempt, now time.Time) error {
	if !r.show(t, now) {
		return r.throttled(a, now)
	}
	if !t.looks(now) {
		r.prolongLook(t, now)
	}
	r.client, r.last = a.client, now
	return because
}

// spent is the answer where the directory may not be sent another wrong password. One that
// was refused before, for another reason, is so again, so that this does not show; likewise
// any where that would tell which connector of the realm has the account. Not so one that is
// in doubt.
func (r *record) spent(t *try, a attempt, now time.Time) error {
	if t.wrong == 0 && (t.shown && t.looks(now) || !r.look.is(r.settings) && r.show(t, now)) {
		return r.refusal(t, connectors.Reject(connectors.ReasonLockout), a, now)
	}
	return r.throttled(a, now)
}

// throttled is the answer where there were too many.
func (r *record) throttled(a attempt, now time.Time) error {
	r.client, r.last = a.client, now
	return &connectors.Throttled{Reason: connectors.ReasonLockout, RetryAfter: r.wait(now)}
}
