package bench_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// How overload is measured: so often, what the broker can do, and then for a while twice
// that.
const (
	overloadTurns = 4
	capacityTime  = time.Second
	overloadTime  = 4 * time.Second

	few            = 64   // clients, which together get the most that there is
	overloadPeople = 5000 // more than there are clients: no login is another's
)

// shares are of what a few clients get: so much is due while it is looked for what many can get.
var shares = [...]float64{0.6, 0.7, 0.8, 0.9, 1}

// crypted is the password as a directory keeps it that hashes, by SHA-512 crypt: a bind takes it
// some milliseconds, beside which the load takes little of their core.
const crypted = "{CRYPT}$6$rounds=20000$shorepass$tu9s7ojo4M57fcGjxHJcUvWHeKqkBA1FsuwJsr1kd9jCgiB5nZIaYNR9se/BJKE195ym616iQXLuMHXRf04gP."

// overload is a request that there is too much of.
type overload struct {
	name, algorithm string
	kept            string // the password, as a directory keeps everybody's; empty: there is none
	users           bool   // of a file ask
	clients         int    // that ask at once at most
}

// overloads are what is measured.
var overloads = []overload{
	{name: "anonymous, ES256", algorithm: "ES256", clients: 500},
	{name: "anonymous, ES256", algorithm: "ES256", clients: 2000},
	{name: "anonymous, RS256", algorithm: "RS256", clients: 2000},
	{name: "static, argon2id", algorithm: "ES256", users: true, clients: 2000},
	{name: "LDAP, groups from memberOf", algorithm: "ES256", kept: password, clients: 2000},
	{name: "LDAP, the directory hashes passwords", algorithm: "ES256", kept: crypted, clients: 2000},
}

// row is how the row of the table begins.
func (o overload) row() string {
	return fmt.Sprintf("%s, %s clients", o.name, count(float64(o.clients)))
}

// flooded is what the flood says of a load.
type flooded struct {
	Seconds  float64
	Unsent   int
	Broken   []string
	Statuses []struct {
		Status, Count int
		P50, P99      float64
	}
}

// BenchmarkOverload measures what the broker can do, and how much of that is left with twice
// as much to do: broker and load have a core each, since the load takes as much as the
// answers do.
func BenchmarkOverload(b *testing.B) {
	programs.build(b)
	flood := filepath.Join(programs.dir, "flood")
	must(b, goBuild(".", flood, "./flood"))
	hash, err := static.Hash(connectors.NewSecret(password), static.Argon2id)
	must(b, err)
	for _, o := range overloads {
		b.Run(fmt.Sprintf("%s/%d", o.name, o.clients), func(b *testing.B) { o.measure(b, flood, hash) })
	}
}

func (o overload) measure(b *testing.B, flood, hash string) {
	config := strings.NewReplacer("{{algorithm}}", o.algorithm, "{{connector}}", o.connector(b)).Replace(overloadConfiguration)
	broker := stack.NewBroker(b, programs.broker, config, map[string]string{"policy.yaml": plainPolicy, "users.yaml": manyUsers(hash)})
	broker.Process = stack.Start(b, []string{"GOMAXPROCS=1"}, stack.Find(b, "taskset"), "--cpu-list", "0", programs.broker, "serve", "--config", broker.Config)
	broker.WaitFor(b, "ready broker", 20*time.Second, func() bool { return broker.Ready() == http.StatusOK })
	send := func(connections int, rate float64, within time.Duration, more ...string) flooded {
		return o.send(b, flood, broker.Addr, connections, rate, within, more...)
	}
	send(few, 0, capacityTime) // opens what is opened once
	var peak, good, unsent, refused, late, away []float64
	var steady [len(shares)][]float64
	for range overloadTurns {
		most := send(few, 0, capacityTime).rate(b, http.StatusOK)
		for i, share := range shares {
			due := share * most
			// Each has its turn within a second: the broker closes connections that nothing comes over.
			turn := min(o.clients, max(few, int(due)))
			steady[i] = append(steady[i], send(turn, due, capacityTime, "-all").rate(b, http.StatusOK))
		}
		over := send(o.clients, 2*most, overloadTime)
		peak, good = append(peak, most), append(good, over.rate(b, http.StatusOK))
		unsent, refused = append(unsent, float64(over.Unsent)/over.Seconds), append(refused, over.rate(b, http.StatusServiceUnavailable))
		late, away = append(late, over.p99(http.StatusOK)), append(away, over.p99(http.StatusServiceUnavailable))
	}
	able := best(steady[:])
	_, most := memory(b, broker.PID())
	report.overload = append(report.overload, []string{
		o.row(), count(median(peak)), count(median(able)), count(median(good)), spread(ratios(good, able)), spread(ratios(good, peak)),
		fmt.Sprintf("%.0f", median(late)), count(median(refused)), fmt.Sprintf("%.0f", median(away)), count(median(unsent)), fmt.Sprintf("%.0f", most),
	})
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ratios(good, able)), "goodput")
	b.ReportMetric(median(late), "p99-ms")
	for b.Loop() { // the turns are our own: each must last
	}
}

// send sends a load of the row's requests.
func (o overload) send(b *testing.B, flood, addr string, connections int, rate float64, within time.Duration, more ...string) flooded {
	b.Helper()
	args := append([]string{
		"--cpu-list", coreOfTheLoad(), flood, "-addr", addr, "-path", "/token?service=registry.corp&scope=repository:public/app:pull",
		"-connections", strconv.Itoa(connections), "-rate", strconv.FormatFloat(rate, 'f', 1, 64), "-for", within.String(),
	}, more...)
	if o.users || o.kept != "" {
		args = append(args, "-user", everybody().name, "-people", strconv.Itoa(overloadPeople), "-password", password)
	}
	r := stack.Run(b, []string{"GOMAXPROCS=1"}, "", stack.Find(b, "taskset"), args...)
	var f flooded
	if err := json.Unmarshal([]byte(r.Stdout), &f); err != nil || len(f.Broken) > 0 {
		b.Fatalf("the flood says %s%s", r.Stdout, r.Stderr)
	}
	return f
}

// best is the list with the highest median.
func best(lists [][]float64) []float64 {
	return slices.MaxFunc(lists, func(a, b []float64) int { return cmp.Compare(median(a), median(b)) })
}

// coreOfTheLoad is the last one. The broker has the first.
func coreOfTheLoad() string { return strconv.Itoa(runtime.NumCPU() - 1) }

// everybody is who asks, where that is not nobody.
func everybody() who { return who{name: "worker-#", people: overloadPeople} }

// connector is the configuration of the connector that is asked. Its directory, if it has one,
// runs on the core of the load, so that the broker has as much of its own as in the other rows,
// with few threads, so that the load has its share of that.
func (o overload) connector(b *testing.B) string {
	b.Helper()
	if o.kept == "" {
		return "type: static, config: {file: users.yaml}"
	}
	s := slapd.Start(b, slapd.Options{NoTLS: true, Quiet: true, Config: "threads 4", LDIF: tree(everybody(), o.kept)})
	stack.Run(b, nil, "", stack.Find(b, "taskset"), "--all-tasks", "--cpu-list", "--pid", coreOfTheLoad(), strconv.Itoa(s.PID()))
	return fmt.Sprintf("type: ldap, config: {url: %q, bind_dn: %q, bind_password: %s, users: {base_dn: %q}, groups: {from_attribute: memberOf, base_dn: %q}}",
		s.URL, slapd.ServiceDN, slapd.ServicePassword, slapd.People, slapd.Groups)
}

// rate is how many answers of a status there were a second. There are none but two.
func (f flooded) rate(b *testing.B, status int) float64 {
	b.Helper()
	n := 0
	for _, s := range f.Statuses {
		switch s.Status {
		case status:
			n = s.Count
		case http.StatusOK, http.StatusServiceUnavailable:
		default:
			b.Errorf("%d answers of status %d", s.Count, s.Status)
		}
	}
	return float64(n) / f.Seconds
}

// p99 is the 99th percentile of the time from when a request was due to its answer of a
// status, in milliseconds.
func (f flooded) p99(status int) float64 {
	for _, s := range f.Statuses {
		if s.Status == status {
			return s.P99
		}
	}
	return 0
}

// manyUsers makes users with one password: none of their logins is another's.
func manyUsers(hash string) string {
	var users strings.Builder
	users.WriteString("users:\n")
	for _, name := range everybody().names() {
		fmt.Fprintf(&users, "  - {username: %s, password_hash: %q}\n", name, hash)
	}
	return users.String()
}

const overloadConfiguration = `
listen: "{{listen}}"
monitor: "{{monitor}}"
public_url: "http://{{listen}}"
data_dir: ./data
trusted_proxies: [127.0.0.1] # which may have all connections
limits: {failed_logins: {network: {burst: 0}, overall: {burst: 0}}} # all come from one address
realms:
  - name: corp
    services: [registry.corp]
    signing: {algorithm: {{algorithm}}}
    connectors: [{name: directory, guard: {cache: {ttl: 0s}}, {{connector}}}]
    policy: policy.yaml
`
