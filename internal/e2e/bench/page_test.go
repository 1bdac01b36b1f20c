package bench_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page is where the figures are written.
const page = "../../../docs/performance.md"

// TestPage holds that the page has a row of every path that is measured, with its ratio,
// and of every overload.
func TestPage(t *testing.T) {
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (.+?) \| (.*?) \| (.*?) \| (.*?) \|$`).FindAllStringSubmatch(string(content), -1)
	for _, begin := range wanted {
		i := slices.IndexFunc(rows, func(row []string) bool { return strings.HasPrefix(row[1], begin) })
		switch {
		case i < 0:
			t.Errorf("there is no row %q: make bench UPDATE=1 writes it", begin)
		case strings.HasSuffix(begin, "tokens/s") && rows[i][4] == "":
			t.Errorf("the row %q does not say how much of the floor it is", begin)
		}
	}
	if !strings.Contains(string(content), overloadHead+"\n") {
		t.Error("the table of overload has another head")
	}
	for _, o := range overloads {
		if !strings.Contains(string(content), "\n| "+o.row()+" | ") {
			t.Errorf("there is no row %q: make bench UPDATE=1 writes it", o.row())
		}
	}
}

// TestPublishWantsAll holds that a run of some benchmarks does not take the figures of the
// others off the page.
func TestPublishWantsAll(t *testing.T) {
	var some table
	for _, begin := range wanted[1:] {
		some.add(ofTokens, begin, "1", "1", "1.00")
	}
	some.stages, some.overload = [][]string{{"all"}}, [][]string{{"all"}}
	if err := some.publish(page, ""); err == nil || !strings.Contains(err.Error(), "these lack: "+wanted[0]) {
		t.Errorf("without %q: %v", wanted[0], err)
	}
}
