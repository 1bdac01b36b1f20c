package bench_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// How overload is measured: so often, what the broker can do, and then for a while twice
// that.
const (
	overloadTurns = 6
	capacityTime  = time.Second
	overloadTime  = 5 * time.Second

	overloadPeople = 5000
)

// overload is a request that there is too much of.
type overload struct {
	name, algorithm string
	user            string // # stands for a number
	clients         int    // that ask at once at most
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
	hash, err := static.Hash(connectors.NewSecret("worker-password"), static.Argon2id)
	must(b, err)
	for _, o := range []overload{
		{"anonymous, ES256", "ES256", "", 500},
		{"anonymous, ES256", "ES256", "", 2000},
		{"anonymous, RS256", "RS256", "", 2000},
		{"static, argon2id", "ES256", "worker-#", 2000},
	} {
		b.Run(fmt.Sprintf("%s/%d", o.name, o.clients), func(b *testing.B) { o.measure(b, flood, hash) })
	}
}

func (o overload) measure(b *testing.B, flood, hash string) {
	broker := stack.NewBroker(b, programs.broker, strings.ReplaceAll(overloadConfiguration, "{{algorithm}}", o.algorithm), map[string]string{
		"policy.yaml": plainPolicy, "users.yaml": manyUsers(hash),
	})
	broker.Process = stack.Start(b, []string{"GOMAXPROCS=1"}, stack.Find(b, "taskset"), "--cpu-list", "0", programs.broker, "serve", "--config", broker.Config)
	broker.WaitFor(b, "ready broker", 20*time.Second, func() bool { return broker.Ready() == http.StatusOK })
	send := func(connections int, rate float64, within time.Duration) flooded {
		args := []string{
			"--cpu-list", strconv.Itoa(runtime.NumCPU() - 1), flood, "-addr", broker.Addr, "-path", "/token?service=registry.corp&scope=repository:public/app:pull",
			"-connections", strconv.Itoa(connections), "-rate", strconv.FormatFloat(rate, 'f', 1, 64), "-for", within.String(),
		}
		if o.user != "" {
			args = append(args, "-user", o.user, "-people", strconv.Itoa(overloadPeople), "-password", "worker-password")
		}
		r := stack.Run(b, []string{"GOMAXPROCS=1"}, "", stack.Find(b, "taskset"), args...)
		var f flooded
		if err := json.Unmarshal([]byte(r.Stdout), &f); err != nil || len(f.Broken) > 0 {
			b.Fatalf("the flood says %s%s", r.Stdout, r.Stderr)
		}
		return f
	}
	const few = 64
	send(few, 0, capacityTime) // opens what is opened once
	var able, many, good, part, ofMany, unsent, refused, late, away []float64
	for range overloadTurns {
		capacity := send(few, 0, capacityTime).rate(b, http.StatusOK)
		crowded := send(o.clients, 0, overloadTime/2).rate(b, http.StatusOK)
		over := send(o.clients, 2*capacity, overloadTime)
		served := over.rate(b, http.StatusOK)
		able, many, good = append(able, capacity), append(many, crowded), append(good, served)
		part, ofMany = append(part, served/capacity), append(ofMany, served/crowded)
		unsent, refused = append(unsent, float64(over.Unsent)/over.Seconds), append(refused, over.rate(b, http.StatusServiceUnavailable))
		late, away = append(late, over.p99(http.StatusOK)), append(away, over.p99(http.StatusServiceUnavailable))
	}
	_, most := memory(b, broker.PID())
	report.overload = append(report.overload, []string{
		fmt.Sprintf("%s, %s clients", o.name, count(float64(o.clients))), count(median(able)), count(median(many)), count(median(good)), spread(part), spread(ofMany), fmt.Sprintf("%.0f", median(late)),
		count(median(refused)), fmt.Sprintf("%.0f", median(away)), count(median(unsent)), fmt.Sprintf("%.0f", most),
	})
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(part), "goodput")
	b.ReportMetric(median(late), "p99-ms")
	for b.Loop() { // the turns are our own: each must last
	}
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
	for i := range overloadPeople {
		fmt.Fprintf(&users, "  - {username: worker-%d, password_hash: %q}\n", i, hash)
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
    connectors: [{name: local, type: static, config: {file: users.yaml}, guard: {cache: {ttl: 0s}}}]
    policy: policy.yaml
`
