package pat

import (
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Memory is what a process knows of tokens and their owners, and has yet to write down. The
// connectors that take each other's place when a configuration is read again share it.
type Memory struct {
	tokens Tokens
	kept   Owners
	logger *slog.Logger

	mu     sync.Mutex
	realms map[string]*memory
}

// NewMemory returns the memory of a process whose tokens and owners are kept there: nil where
// that is not open, and every login is an outage. It reads nothing yet, and is to be closed.
func NewMemory(tokens Tokens, kept Owners, logger *slog.Logger) *Memory {
	if tokens == nil || kept == nil {
		tokens, kept = closed{}, closed{}
	}
	return &Memory{tokens: tokens, kept: kept, logger: logger, realms: map[string]*memory{}}
}

// of returns what is known of a realm.
func (m *Memory) of(realm string) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.realms[realm]
	if !ok {
		known, _ := lru.New[Account, Owner](knownOwners) // fails for sizes below 1 alone
		r = &memory{
			realm: realm, tokens: m.tokens, kept: m.kept, known: known, forgotten: map[string]time.Time{},
			recorder: newRecorder(realm, m.tokens, m.kept, m.logger.With(slog.String("realm", realm))),
		}
		m.realms[realm] = r
	}
	return r
}

// Close writes down what was not yet, when all connectors are closed. It may be called more
// than once.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for _, r := range m.realms {
		errs = append(errs, r.recorder.close())
	}
	clear(m.realms)
	return errors.Join(errs...)
}

// memory is what is known of one realm.
type memory struct {
	realm    string
	tokens   Tokens
	kept     Owners
	recorder *recorder

	mu        sync.Mutex
	known     *lru.Cache[Account, Owner]
	forgotten map[string]time.Time // since when the owners of a user name, or all, are to be asked about anew
	forgets   int                  // how often that was wished
	turns     int                  // how many connectors have served
	turned    time.Time            // when the last one began to
}

// turn has the next connector serve, and returns which one it is. What was learned before is
// forgotten: it may not be what the connectors of now would say.
func (m *memory) turn() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turns++
	m.turned = wallTime()
	m.forgotten = map[string]time.Time{"": m.turned}
	m.forgets++
	return m.turns
}

// dated is the time that something counts as learned at by a connector. What one says that
// serves no more is of the time before the next.
func (m *memory) dated(turn int, at time.Time) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if before := m.turned.Add(-time.Nanosecond); turn < m.turns && at.After(before) {
		return before
	}
	return at
}

// forget has all that was learned so far count as too old, of the owners of a user name, or of
// all where that is empty.
func (m *memory) forget(username string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := wallTime()
	maps.DeleteFunc(m.forgotten, func(_ string, at time.Time) bool { return now.Sub(at) > maxGroupAge })
	m.forgotten[username] = now
	m.forgets++
}

// isForgotten reports whether the connector is to be asked anew about an owner, whatever the
// age of what is known.
func (m *memory) isForgotten(known Owner) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := wallTime()
	for _, name := range [...]string{"", known.Username} {
		if at, ok := m.forgotten[name]; ok && known.Seen.Before(at) && believable(at, now) {
			return true
		}
	}
	return false
}

// times is how often something was forgotten.
func (m *memory) times() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.forgets
}
