package cmd

import (
	"log/slog"
	"math"
	"syscall"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
)

// How many file descriptors the process needs at most for anything but its clients.
const (
	descriptorsOfOurs = 192 // the database, logs, the other listeners
	leastOfDirectory  = 64  // of one that cannot tell
)

// monitorMost is how many connections there may be to the monitor, which load balancers ask
// and now and then a person.
const monitorMost = 64

// descriptorsBeside is how many file descriptors the process of a configuration needs at most
// beside its clients.
func descriptorsBeside(cfg *config.Config) uint64 {
	sum := descriptorsOfOurs
	for _, r := range cfg.Realms {
		for _, c := range r.Connectors {
			sum += connectionsOf(c)
		}
	}
	return uint64(sum) //nolint:gosec // of positive numbers
}

// connectionsOf is how many connections to its upstream a connector has at most.
func connectionsOf(c config.Connector) int {
	if known, ok := c.Config.(connectors.Connected); ok {
		return known.Connections(c.Guard.Bulkhead.Max)
	}
	return max(leastOfDirectory, 2*c.Guard.Bulkhead.Max)
}

// clientConnections is how many connections of clients there may be: as many as wished for,
// and no more than the operating system lets the process open beside its own files. Half of
// what there is, if that is little, of which the log then warns.
func clientConnections(cfg *config.Config, logger *slog.Logger) int {
	there, beside := descriptors(), descriptorsBeside(cfg)
	if beside > there/2 {
		logger.Warn("the process may open few files, and may have none left for clients or directories: raise the limit (LimitNOFILE, ulimit -n), or lower guard.bulkhead.max",
			slog.Uint64("files", there), slog.Uint64("beside_clients", beside))
	}
	return least(cfg.Limits.Connections, max(there/2, there-min(there, beside)))
}

// monitorConnections is how many there may be to the monitor: few, and an eighth of what there
// is, if that is little.
func monitorConnections() int { return least(monitorMost, descriptors()/8) }

// descriptors is how many files the operating system lets the process open.
func descriptors() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return math.MaxUint64
	}
	return limit.Cur
}

// least is the wished number of connections or the most that there can be, and one at least.
func least(wished int, most uint64) int {
	return int(max(1, min(uint64(wished), most))) //nolint:gosec // no more than was wished for
}
