package bench_test

import (
	"fmt"
	"os"
	"testing"
)

// report is what the benchmarks have found.
var report table

// programs builds the broker and the floor.
var programs builder

func TestMain(m *testing.M) {
	code := m.Run()
	report.print(os.Stdout)
	if err := programs.remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
