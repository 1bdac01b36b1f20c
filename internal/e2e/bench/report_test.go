package bench_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// table is rows of figures beside those of a floor, and where a request's time goes.
type table struct {
	rows     []row
	stages   [][]string // what, and microseconds on each path
	overload [][]string // what, and how it is served
}

// place is where rows stand, whichever were measured first.
type place int

const (
	ofTokens place = iota
	ofProviders
	ofAllocations
	ofDecisions
	ofProcess
	ofRefusals
)

// row is one figure.
type row struct {
	place
	what        string
	ours, floor string
	ratio       string // of ours to the floor's; with the quartiles of the rounds where there are any
}

func (t *table) add(at place, what, ours, floor, ratio string) {
	t.rows = append(t.rows, row{at, what, ours, floor, ratio})
}

// The parts of docs/performance.md that publish writes.
const (
	figuresPart   = "figures"
	providersPart = "figures of a provider"
	stagesPart    = "stages"
	overloadPart  = "figures of overload"
	refusalsPart  = "refusals"
)

// figures is a table of the rows of these places beside their floors.
func (t *table) figures(places ...place) string {
	return t.under("| | Shorepass | its floor | of the floor |", places...)
}

// under is a table of the rows of these places in Markdown, under a head; empty where
// nothing was measured.
func (t *table) under(head string, places ...place) string {
	rows := slices.DeleteFunc(slices.Clone(t.rows), func(r row) bool { return !slices.Contains(places, r.place) })
	if len(rows) == 0 {
		return ""
	}
	var text strings.Builder
	text.WriteString(head + "\n|---|---:|---:|---:|\n")
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.place, b.place) })
	for _, r := range rows {
		fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", r.what, r.ours, r.floor, r.ratio)
	}
	return text.String()
}

// own are the figures of the program, and what it needs itself.
func (t *table) own() string { return t.figures(ofTokens, ofAllocations, ofDecisions, ofProcess) }

// providers are those that say as much of a provider.
func (t *table) providers() string { return t.figures(ofProviders) }

// refusals are those of refusals beside others.
func (t *table) refusals() string {
	return t.under("| the one; the other | the one, ms | the other, ms | AUC (95 % confidence) |", ofRefusals)
}

// whereTimeGoes is the table of stages.
func (t *table) whereTimeGoes() string {
	if len(t.stages) == 0 {
		return ""
	}
	var text strings.Builder
	text.WriteString("| µs | anonymous | static, argon2id | LDAP, memberOf | LDAP, nested groups |\n|---|---:|---:|---:|---:|\n")
	for _, s := range t.stages {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(s, " | "))
	}
	return text.String()
}

// overloadHead is the head of the table of overload.
const overloadHead = "| | 64 clients get, tokens/s | capacity: clients that take turns get, tokens/s | twice what 64 get is due, tokens/s | of the capacity | of what 64 get | p99, ms | 503/s | their p99, ms | not sent/s | memory, MiB |"

// underOverload is the table of overload.
func (t *table) underOverload() string {
	if len(t.overload) == 0 {
		return ""
	}
	var text strings.Builder
	text.WriteString(overloadHead + "\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, s := range t.overload {
		fmt.Fprintf(&text, "| %s |\n", strings.Join(s, " | "))
	}
	return text.String()
}

// wanted are the figures that the page is to have, each as its row begins: one at least of
// whatever is measured.
var wanted = []string{
	"anonymous, tokens/s",
	"anonymous (floor: without headroom), tokens/s",
	"static, argon2id, tokens/s",
	"static, bcrypt, tokens/s",
	"LDAP, groups from memberOf, tokens/s",
	"LDAP, groups searched (floor: search and bind), tokens/s",
	"LDAP, nested groups searched (floor: search and bind), tokens/s",
	"repeated login, static user, tokens/s",
	"repeated login, static user (floor: and a token as long), tokens/s",
	"repeated login, LDAP user, tokens/s",
	"repeated login, LDAP user (floor: and a token as long), tokens/s",
	"access token, tokens/s",
	"access token, the directory hangs (floor: the same, and it answers), tokens/s",
	"static user, the directory hangs (floor: the same, and it answers), tokens/s",
	"Keycloak, each login a new one (floor: the password grant), tokens/s",
	"Keycloak, 16 people at work (floor: Keycloak's docker-v2 endpoint), tokens/s",
	"anonymous, allocations of the handler",
	"a decision under 10 rules, µs",
	"start until ready, ms",
	"with 10,000 rules",
	"resident memory, idle, MiB",
	"size of the program, MiB",
	"an unknown name; a wrong password",
}

// missing are the figures that were not measured.
func (t *table) missing() []string {
	lacks := slices.DeleteFunc(slices.Clone(wanted), func(begin string) bool {
		return slices.ContainsFunc(t.rows, func(r row) bool { return strings.HasPrefix(r.what, begin) })
	})
	if len(t.stages) == 0 {
		lacks = append(lacks, stagesPart)
	}
	if len(t.overload) < len(overloads) {
		lacks = append(lacks, overloadPart)
	}
	return lacks
}

// publish puts the tables, and on what they were measured, into the page at path,
// each between a pair of comments.
func (t *table) publish(path, machine string) error {
	if lacks := t.missing(); len(lacks) > 0 {
		return fmt.Errorf("the page was not written: that takes all benchmarks, and these lack: %s", strings.Join(lacks, "; "))
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(content)
	for part, table := range map[string]string{
		figuresPart: t.own() + "\n" + machine, providersPart: t.providers(), stagesPart: t.whereTimeGoes(),
		overloadPart: t.underOverload(), refusalsPart: t.refusals(),
	} {
		begin, end := fmt.Sprintf("<!-- make bench writes the %s -->\n", part), fmt.Sprintf("<!-- end of the %s -->", part)
		before, rest, found := strings.Cut(text, begin)
		_, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			return fmt.Errorf("%s: where is %s?", path, strings.TrimSpace(begin))
		}
		text = before + begin + "\n" + table + "\n" + end + after
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// machine says on what the benchmarks run, how often they measure, and how much else the
// machine did when they began.
func machine() string {
	averages, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		averages = []byte("unknown")
	}
	load, _, _ := strings.Cut(string(averages), " ")
	turns := strings.TrimSuffix(flag.Lookup("test.benchtime").Value.String(), "x")
	return fmt.Sprintf("Measured with %s for %s/%s on %d cores, in %s turns; the machine's load average was %s when they began.\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), turns, load)
}

// quartiles are the three quarter points of a list; zeros of an empty one.
func quartiles(list []float64) (q [3]float64) {
	if len(list) == 0 {
		return q
	}
	sorted := slices.Sorted(slices.Values(list))
	for i := range q {
		q[i] = sorted[(i+1)*(len(sorted)-1)/4]
	}
	return q
}

func median(list []float64) float64 { return quartiles(list)[1] }

// ratios divides the figures of one round after the other.
func ratios(ours, floor []float64) []float64 {
	list := make([]float64, len(ours))
	for i := range ours {
		list[i] = ours[i] / floor[i]
	}
	return list
}

// spread is the median of ratios, and between which values half of them lie.
func spread(list []float64) string {
	q := quartiles(list)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", q[1], q[0], q[2])
}

// count formats a number with thousands apart.
func count(n float64) string {
	text := fmt.Sprintf("%.0f", n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
