package cmd

import (
	"math"
	"syscall"
)

// descriptorsOfOurs is how many file descriptors the process needs at most for anything but
// its clients: databases, directories, logs, the other listeners.
const descriptorsOfOurs = 256

// monitorMost is how many connections there may be to the monitor, which load balancers ask
// and now and then a person.
const monitorMost = 64

// clientConnections is how many connections of clients there may be: as many as wished for,
// and no more than the operating system lets the process open beside its own files. Half of
// what there is, if that is little.
func clientConnections(wished int) int {
	there := descriptors()
	return least(wished, max(there/2, there-min(there, descriptorsOfOurs)))
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
