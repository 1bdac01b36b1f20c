package oidc

import (
	"maps"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// vouched is a login that has succeeded.
type vouched struct {
	name     string // as it was typed, in canonical form
	identity connectors.Identity
	until    time.Time
}

// recall returns the login of the key, if it still counts: from memory.
func (l *logins) recall(key string) (connectors.Identity, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.good[key]
	v.identity.Answer = connectors.AnswerCache
	return v.identity, ok && time.Now().Before(v.until) && l.life.Err() == nil
}

// forget has the provider asked anew about the account of a name, or about all where that is
// empty: neither a login that was good counts any more, nor one that is under way for those
// who come later.
func (l *logins) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.flights) // of whichever account: they go on for those who wait
	if name == "" {
		clear(l.good)
		return
	}
	l.drop(name)
}

// drop has the logins of an account count no more that goes by a name, or that somebody
// signed in to by it: under all its names. The caller holds mu.
func (l *logins) drop(name string) {
	ids := map[string]bool{}
	for _, v := range l.good {
		if v.name == name || v.identity.Username == name {
			ids[v.identity.ID] = true
		}
	}
	maps.DeleteFunc(l.good, func(_ string, v vouched) bool { return ids[v.identity.ID] })
}

// makeRoom makes room for another good login. The caller holds mu.
func (l *logins) makeRoom(now time.Time) {
	maps.DeleteFunc(l.good, func(_ string, v vouched) bool { return !now.Before(v.until) })
	for key := range l.proven {
		if len(l.proven) < maxProven {
			return
		}
		delete(l.proven, key) // any: it still gets its turn, if not first
	}
}
