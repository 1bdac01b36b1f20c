package bench_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// BenchmarkStart measures the time from the start of the process until it is ready,
// the keys being there already.
func BenchmarkStart(b *testing.B) {
	programs.build(b)
	broker := stack.NewBroker(b, programs.broker, plainConfiguration, map[string]string{"policy.yaml": plainPolicy})
	large := stack.NewBroker(b, programs.broker, plainConfiguration, map[string]string{"policy.yaml": manyRules()})
	startBroker := func(broker *stack.Broker) func() float64 {
		return func() float64 {
			return startTime(b, broker.ReadyURL(), syscall.SIGINT, broker.Program, "serve", "--config", broker.Config)
		}
	}
	addr := stack.FreeAddr(b)
	startFloor := func() float64 { return startTime(b, "http://"+addr, syscall.SIGTERM, programs.floor, "-addr", addr) }
	starts := []func() float64{startBroker(broker), startBroker(large), startFloor}
	for _, start := range starts {
		start() // makes the keys, and reads the files once
	}
	took := make([][]float64, len(starts))
	for b.Loop() {
		for i, start := range starts {
			took[i] = append(took[i], start())
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(took[0]), "ms")
	for i, what := range []string{"start until ready, ms", "with 10,000 rules"} {
		report.add(ofProcess, what, fmt.Sprintf("%.0f", median(took[i])), fmt.Sprintf("%.0f", median(took[2])), "")
	}
}

// startTime starts a program, waits until the URL answers 200, and ends it.
func startTime(b *testing.B, url string, end syscall.Signal, path string, args ...string) float64 {
	b.Helper()
	started := time.Now()
	p := stack.Start(b, nil, path, args...)
	for !answers(url) {
		if time.Since(started) > 20*time.Second {
			b.Fatalf("%s does not come up:\n%s", path, p.Output)
		}
		time.Sleep(500 * time.Microsecond)
	}
	took := time.Since(started)
	if err := p.Signal(end); err != nil {
		b.Fatal(err)
	}
	p.Wait(b, 10*time.Second)
	return float64(took.Microseconds()) / 1000
}

// manyRules is a policy of 10,000 rules.
func manyRules() string {
	var many strings.Builder
	many.WriteString(plainPolicy)
	for i := range 10_000 {
		fmt.Fprintf(&many, "  - {name: rule %d, anyone: true, repositories: [team-%d/**], allow: [pull]}\n", i, i)
	}
	return many.String()
}

// BenchmarkMemory measures what the process has in memory: when it has just started,
// after a load of anonymous requests, and after one of argon2id hashes, of 19 MiB each.
func BenchmarkMemory(b *testing.B) {
	w := newWorld(b)
	steps := []struct {
		what  string
		who   who
		path  string
		floor *program
	}{
		{"resident memory, idle, MiB", who{}, "", startBareFloor(b)},
		{"after a load of anonymous requests, MiB", who{}, "/token?service=memberof&scope=repository:public/app:pull", startBareFloor(b)},
		{"after a load of argon2id hashes, MiB", crowd(), "/token?service=argon2id", startBareFloor(b, "-hash", w.hashes["argon2id"])},
	}
	for _, s := range steps {
		if s.path != "" {
			newLoad(b, w.broker, s.path, s.who).run(b, 3*time.Second)
			newLoad(b, s.floor, "/", s.who).run(b, 3*time.Second)
		}
		ours, most := memory(b, w.broker.pid)
		floor, floorMost := memory(b, s.floor.pid)
		report.add(ofProcess, s.what, fmt.Sprintf("%.0f", ours), fmt.Sprintf("%.0f", floor), "")
		if s.path != "" {
			report.add(ofProcess, "and at most, MiB", fmt.Sprintf("%.0f", most), fmt.Sprintf("%.0f", floorMost), "")
		}
	}
	many := stack.StartBroker(b, programs.broker, plainConfiguration, map[string]string{"policy.yaml": manyRules()})
	newLoad(b, &program{many.PID(), many.Addr}, "/token?service=registry.corp&scope=repository:public/app:pull", who{}).run(b, 3*time.Second)
	now, most := memory(b, many.PID())
	report.add(ofProcess, "with 10,000 rules, after a load of anonymous requests, MiB", fmt.Sprintf("%.0f", now), "", "")
	report.add(ofProcess, "and at most, which is while they are loaded, MiB", fmt.Sprintf("%.0f", most), "", "")
	report.add(ofProcess, "size of the program, MiB", size(b, programs.broker), size(b, programs.floor), "")
	for b.Loop() { // once is enough
	}
}

func size(b *testing.B, path string) string {
	b.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Sprintf("%.1f", float64(info.Size())/(1<<20))
}

// plainConfiguration is as little as a broker needs.
const plainConfiguration = `
listen: "{{listen}}"
monitor: "{{monitor}}"
public_url: "http://{{listen}}"
data_dir: ./data
realms:
  - name: corp
    services: [registry.corp]
    policy: policy.yaml
`

const plainPolicy = `rules:
  - {name: the world reads public images, anyone: true, repositories: [public/**], allow: [pull]}
`
