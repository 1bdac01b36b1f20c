package bench_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// connections is how many clients ask at once, over a connection each.
const connections = 16

// load is clients that ask one thing of one program over and over, and what came of
// it.
type load struct {
	pid     int
	client  *http.Client
	request *http.Request
	took    []time.Duration // of each answer
	rates   []float64       // answers per second, of each round
	cpu     time.Duration   // what the program's process used in all rounds
}

// newLoad returns clients of a URL of the program; without a user name they are
// anonymous.
func newLoad(b *testing.B, p *program, path, username string) *load {
	b.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+p.addr+path, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	if username != "" {
		request.SetBasicAuth(username, username+"-password")
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	b.Cleanup(client.CloseIdleConnections)
	l := &load{pid: p.pid(), client: client, request: request}
	l.warm(b)
	return l
}

// warm opens the connections, here and behind the program.
func (l *load) warm(b *testing.B) {
	b.Helper()
	l.run(b, 300*time.Millisecond)
	l.took, l.rates, l.cpu = nil, nil, 0
}

// run asks for one round, over all connections at once.
func (l *load) run(b *testing.B, round time.Duration) {
	b.Helper()
	took := make([][]time.Duration, connections)
	used := cpuTime(b, l.pid)
	started := time.Now()
	var wg sync.WaitGroup
	for i := range connections {
		wg.Go(func() {
			for time.Since(started) < round {
				asked := time.Now()
				if err := l.ask(); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(asked))
			}
		})
	}
	wg.Wait()
	all := slices.Concat(took...)
	l.rates = append(l.rates, float64(len(all))/time.Since(started).Seconds())
	l.took = append(l.took, all...)
	l.cpu += cpuTime(b, l.pid) - used
}

func (l *load) ask() error {
	response, err := l.client.Do(l.request.Clone(l.request.Context()))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", l.request.URL, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// p99 is the 99th percentile of the answers' times, in milliseconds.
func (l *load) p99() float64 {
	if len(l.took) == 0 {
		return 0
	}
	slices.Sort(l.took)
	return float64(l.took[len(l.took)*99/100].Microseconds()) / 1000
}

// cpuEach is the processor time of one answer, in microseconds.
func (l *load) cpuEach() float64 {
	return float64(l.cpu.Microseconds()) / float64(max(1, len(l.took)))
}
