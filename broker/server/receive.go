package server

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
)

// What the contents of requests take of the memory. A small one takes what it takes: no form
// with a password and some scopes is longer.
const (
	smallContent  = 4 << 10
	largeContents = 64 << 20 / maxBody // so many others at once
)

// contents are the large contents of requests that are there, and those of each client
// network. So who sends large ones keeps nobody out but others who do, and one network not even
// all of those.
type contents struct {
	places  connectors.Turns
	shares  *shares
	trusted []netip.Prefix
	away    broker.Seldom
	logger  *slog.Logger
}

func newContents(trusted []netip.Prefix, logger *slog.Logger) *contents {
	return &contents{places: connectors.NewTurns(largeContents), shares: newShares(largeContents), trusted: trusted, logger: logger}
}

// receive reads the content of a request before it is worked on: who sends it slowly keeps
// others waiting for nothing but a connection. A large one has a place until the request is
// done; it is not received where there is none. What is wrong with the content, its size too,
// is for others to say.
func (c *contents) receive(r *http.Request) (done func(), ok bool) {
	done = func() {}
	if r.Body == nil || r.Body == http.NoBody {
		return done, true
	}
	begin, err := io.ReadAll(io.LimitReader(r.Body, smallContent+1))
	if len(begin) <= smallContent {
		r.Body = received{io.MultiReader(bytes.NewReader(begin), after{err, r.Body}), r.Body}
		return done, true
	}
	network := connectors.ClientNetwork(clientIP(r, c.trusted))
	if !c.enter(network) {
		c.tooMany(network)
		return done, false
	}
	rest, err := io.ReadAll(io.LimitReader(r.Body, maxBody-smallContent))
	r.Body = received{io.MultiReader(bytes.NewReader(begin), bytes.NewReader(rest), after{err, r.Body}), r.Body}
	return func() {
		c.shares.leave(network)
		c.places.End()
	}, true
}

// enter takes a place of the network, if there is one.
func (c *contents) enter(network netip.Prefix) bool {
	if !c.shares.enter(network) {
		return false
	}
	if !c.places.Try() {
		c.shares.leave(network)
		return false
	}
	return true
}

// tooMany tells of a request that was turned away.
func (c *contents) tooMany(network netip.Prefix) {
	if count, tell := c.away.Add(time.Now()); tell {
		c.logger.Warn("too much at once: requests with more than 4 KiB of content are turned away (503), since there are as many as may be, or as one client network may send; if that is a proxy, name it in trusted_proxies",
			slog.Int64("count", count), slog.String("network", network.String()), slog.Int("contents", largeContents), slog.Int("of_one_network", c.shares.most))
	}
}

// received is a content that was read.
type received struct {
	io.Reader
	io.Closer
}

// after is what comes after it: the error that ended it, or what was too much.
type after struct {
	err  error
	rest io.Reader
}

// Read repeats the error, or reads on.
func (a after) Read(b []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	return a.rest.Read(b)
}
