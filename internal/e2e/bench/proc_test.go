package bench_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is what a process has used of the processors so far: the clock that
// clock_getcpuclockid(3) has of it.
func cpuTime(tb testing.TB, pid int) time.Duration {
	tb.Helper()
	const ofAllThreads = 2
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|ofAllThreads), &used); err != nil {
		tb.Fatalf("the processor time of process %d: %v", pid, err)
	}
	return time.Duration(used.Nano())
}

// memory is what a process has in memory now, and the most that it ever had, in MiB
// (proc(5), status).
func memory(tb testing.TB, pid int) (now, most float64) {
	tb.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		name, text, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 64)
		switch name {
		case "VmRSS":
			now = kib / 1024
		case "VmHWM":
			most = kib / 1024
		}
	}
	return now, most
}
