package cmd

import "syscall"

// descriptorsOfOurs is how many file descriptors the process needs at most for anything but
// its clients: databases, directories, logs, the other listeners.
const descriptorsOfOurs = 256

// clientConnections is how many connections of clients there may be: as many as wished for,
// and no more than the operating system lets the process open beside its own files. Half of
// what there is, if that is little.
func clientConnections(wished int) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return wished
	}
	most := max(limit.Cur/2, limit.Cur-min(limit.Cur, descriptorsOfOurs))
	return int(max(1, min(uint64(wished), most))) //nolint:gosec // no more than was wished for
}
