package bench_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// report is what the benchmarks have found.
var report table

// programs builds the broker and the floor.
var programs builder

// updateName names the environment variable that makes a run write its tables into
// docs/performance.md.
const updateName = "SHOREPASS_BENCH_UPDATE"

func TestMain(m *testing.M) {
	flag.Parse()
	began := machine()
	code := m.Run()
	fmt.Printf("\n%s\n%s\n%s\n%s\n%s", report.own(), report.providers(), report.whereTimeGoes(), report.underOverload(), report.refusals())
	if code == 0 && os.Getenv(updateName) != "" {
		if err := report.publish(page, began); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := programs.remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
