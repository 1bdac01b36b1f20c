package audit

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
)

// How much room refusals may take, so that nobody fills the disk by being refused: so many
// bytes at once, and so many a second.
const (
	refusalsAtOnce    = 2 << 20
	refusalsPerSecond = 8 << 10
)

const (
	countFor = 10 * time.Second // how long what is counted waits for its line
	maxKinds = 32               // how many such lines there are each time, and one for each reason
)

// Bounded is a log in which refusals take a bounded room. Each has a line of its own until
// that is used up; then those that are alike are counted, and share a line each ten
// seconds. What was granted or done has its own line always.
type Bounded struct {
	log     *Log
	room    *rate.Limiter // in bytes
	closing chan struct{}
	closed  chan error

	mu     sync.Mutex
	counts map[kind]*span
}

// kind is what entries have in common that are counted together.
type kind struct{ realm, network, act, outcome, reason string }

// span is how many there were of a kind, and from when to when.
type span struct {
	first, last time.Time
	count       int
}

var _ broker.Auditor = (*Bounded)(nil)

// Bound returns a log that writes to another.
func Bound(log *Log) *Bounded {
	b := &Bounded{
		log: log, room: rate.NewLimiter(refusalsPerSecond, refusalsAtOnce),
		closing: make(chan struct{}), closed: make(chan error, 1), counts: map[kind]*span{},
	}
	go b.tellEvery(countFor)
	return b
}

// Record writes an entry as [Log.Record] does, or counts it.
func (b *Bounded) Record(ctx context.Context, e broker.Entry) error {
	if !e.Outsider() {
		return b.log.Record(ctx, e)
	}
	var room [1024]byte // for most lines, and off the heap
	if b.room.AllowN(time.Now(), len(appendLine(room[:0], &e))) {
		return b.log.Record(ctx, e)
	}
	b.Count(e)
	return nil
}

// Count counts an entry, with those that come from the same network and are alike in realm,
// act, outcome and reason. When there are too many kinds, all of an outcome and reason are
// counted together.
func (b *Bounded) Count(e broker.Entry) {
	k := kind{e.Realm, networkOf(e.ClientIP), e.Act, e.Outcome, e.Reason}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.counts[k] == nil && len(b.counts) >= maxKinds {
		k = kind{outcome: e.Outcome, reason: e.Reason}
	}
	b.add(k, span{first: e.Time, last: e.Time, count: 1})
}

// add adds to what there is of a kind. b.mu is held.
func (b *Bounded) add(k kind, s span) {
	known := b.counts[k]
	if known == nil {
		b.counts[k] = &s
		return
	}
	known.count += s.count
	if s.first.Before(known.first) {
		known.first = s.first
	}
	if s.last.After(known.last) {
		known.last = s.last
	}
}

// Close writes what was counted. The other log stays open. Nothing may be recorded or
// counted any more.
func (b *Bounded) Close() error {
	close(b.closing)
	return <-b.closed
}

// tellEvery writes what was counted, once in a while and at the end.
func (b *Bounded) tellEvery(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = b.tell() // is tried again, and the log says of itself that it fails
		case <-b.closing:
			b.closed <- b.tell()
			return
		}
	}
}

// tell writes a line for each kind. What cannot be written is kept.
func (b *Bounded) tell() error {
	b.mu.Lock()
	counts := b.counts
	b.counts = map[kind]*span{}
	b.mu.Unlock()
	var errs []error
	for k, s := range counts {
		if err := b.log.Record(context.Background(), s.entry(k)); err != nil {
			errs = append(errs, err)
			b.mu.Lock()
			b.add(k, *s)
			b.mu.Unlock()
		}
	}
	return errors.Join(errs...)
}

// entry is the line of a kind.
func (s span) entry(k kind) broker.Entry {
	return broker.Entry{
		Time: s.first.UTC(), Until: s.last.UTC(), Count: s.count,
		Realm: k.realm, ClientIP: k.network, Act: k.act, Outcome: k.outcome, Reason: k.reason,
		Groups: []string{}, Asked: []string{}, Granted: []broker.Verdict{}, Refused: []broker.Verdict{},
	}
}

// networkOf is the network of a client's address; empty where it is not known.
func networkOf(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	return connectors.ClientNetwork(addr).String()
}
