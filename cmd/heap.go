package cmd

import (
	"os"
	"runtime"
	"runtime/debug"
)

const (
	// headroom is what the heap may grow by, in bytes, before the garbage collector runs.
	headroom = 16 << 20

	// roomy is the least memory limit that leaves room for it, in bytes.
	roomy = 8 * headroom
)

// calmCollector keeps the garbage collector from running dozens of times a second. It
// runs when the heap has doubled, and what lives in it here is a few MiB, which a
// fraction of a second of load allocates again; that cost a fifth of a token. So the
// heap gets an object that is never touched and takes no memory, for the collector to
// count. Who sets GOGC knows better, and under a tight GOMEMLIMIT, which counts the
// object too, it would make the collector run more often. The returned function ends it.
//
// A higher GOGC would do the same for a small heap, and do it to a large one too: two
// password hashes at once hold 40 MiB.
func calmCollector() (end func()) {
	const asItIs = -1
	if os.Getenv("GOGC") != "" || debug.SetMemoryLimit(asItIs) < roomy {
		return func() {}
	}
	untouched := make([]byte, headroom)
	return func() { runtime.KeepAlive(untouched) }
}
