package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
)

// Counter takes note of what happens too often for a line of its own.
type Counter interface {
	// Count counts an entry together with those that are like it.
	Count(e broker.Entry)
}

// maxWaiting is how many requests may wait for a place. Over HTTP/1.1 the connections bound
// them.
const maxWaiting = 4096

// gate lets so many requests in at once. Some more wait a while for a place; the others, and
// who has waited in vain, are turned away for little more than it takes to read what they
// sent. Were all let in, each would wait for all others, until the clients have given up
// when the answers come. Were nobody to wait, a client that tries again at once would be
// turned away as often as it likes, and that would take the time of those inside.
// Those that wait for a directory have no place meanwhile, and keys are fetched without one.
type gate struct {
	next    handler
	places  connectors.Turns
	waiting atomic.Int64 // for a place
	large   *contents
	people  http.Handler // answers for the API for people
	full    refused
	trusted []netip.Prefix
	counter Counter
	away    broker.Seldom
	logger  *slog.Logger
}

// Gate says how much of what is asked on the public listener is worked on.
type Gate struct {
	AtOnce         int            // so many requests at once
	TrustedProxies []netip.Prefix // as of [Config]
	Counter        Counter        // counts those that are turned away
	Logger         *slog.Logger
}

// Before returns a handler that has next answer as much.
func (c Gate) Before(next http.Handler) http.Handler {
	s := &server{Config: Config{TrustedProxies: c.TrustedProxies, Logger: c.Logger}}
	return &gate{
		next: asHandler(next), places: connectors.NewTurns(c.AtOnce), large: newContents(c.TrustedProxies, c.Logger), full: newRefused(broker.Overloaded()),
		people:  s.around(inContext(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { sendProblem(w, r, problemOf(broker.Overloaded())) }))),
		trusted: c.TrustedProxies, counter: c.Counter, logger: c.Logger,
	}
}

// ServeHTTP lets a request in or turns it away.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if hasKeys(r.URL.Path) {
		g.next(r.Context(), w, r)
		return
	}
	done, ok := g.large.receive(r)
	if !ok {
		g.turnAway(w, r)
		return
	}
	defer done()
	ctx, visit := connectors.Arriving(r.Context())
	if !g.places.Try() && !g.wait(ctx) {
		if count, tell := g.away.Add(time.Now()); tell {
			g.logger.Warn("too much at once: requests are turned away (503) that find too many others under way",
				slog.Int64("count", count), slog.Int("at_once", cap(g.places)))
		}
		g.turnAway(w, r)
		return
	}
	visit.Has(&g.places)
	defer visit.End()
	g.next(ctx, w, r)
}

// wait waits for a place, and reports whether there was one in time.
func (g *gate) wait(ctx context.Context) bool {
	defer g.waiting.Add(-1)
	return g.waiting.Add(1) <= maxWaiting && g.places.Take(ctx) == nil
}

// hasKeys reports whether a path is one that registries fetch keys from.
func hasKeys(path string) bool {
	return strings.HasPrefix(path, "/realms/") && (strings.HasSuffix(path, "/keys") || strings.HasSuffix(path, "/ca.pem"))
}

// turnAway answers for a request that finds no place, and takes note of it.
func (g *gate) turnAway(w http.ResponseWriter, r *http.Request) {
	e := broker.Entry{Time: time.Now(), ClientIP: textOf(clientIP(r, g.trusted)), Outcome: broker.Unavailable.Error(), Reason: broker.ReasonOverloaded}
	g.counter.Count(e)
	if strings.HasPrefix(r.URL.Path, apiRoot) {
		g.people.ServeHTTP(w, r)
		return
	}
	g.full.send(w, seconds(broker.Overloaded().RetryAfter))
}
