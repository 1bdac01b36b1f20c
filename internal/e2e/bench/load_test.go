package bench_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// connections is how many clients ask at once, over a connection each.
const connections = 16

// load is clients that ask one thing of one program over and over, and what came of
// it.
type load struct {
	pids     []int // whose processor time counts
	client   *http.Client
	requests []*http.Request // of each person, who take turns
	asked    atomic.Uint64   // how many requests there were
	took     []time.Duration // of each answer
	rates    []float64       // answers per second, of each round
	cpu      []float64       // what an answer took of the processors, in microseconds, of each round
}

// who is the people that ask: nobody is the anonymous client.
type who struct {
	name     string // of a person; # stands for a number
	people   int    // how many there are, where there is a #; they take turns
	password string // the name and "-password" if empty
}

// names are the user names; one that is empty, of nobody.
func (w who) names() []string {
	names := make([]string, max(1, w.people))
	for i := range names {
		names[i] = strings.ReplaceAll(w.name, "#", strconv.Itoa(i))
	}
	return names
}

// newLoad returns clients of a URL of the program. The processor time of the processes
// behind the program counts, too.
func newLoad(b *testing.B, p *program, path string, w who, behind ...int) *load {
	b.Helper()
	l := &load{pids: slices.Compact(append([]int{p.pid}, behind...)), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}}
	b.Cleanup(l.client.CloseIdleConnections)
	for _, name := range w.names() {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+p.addr+path, http.NoBody)
		must(b, err)
		if name != "" {
			request.SetBasicAuth(name, cmp.Or(w.password, name+"-password"))
		}
		l.requests = append(l.requests, request)
	}
	l.warm(b)
	return l
}

// warm opens the connections, here and behind the program.
func (l *load) warm(b *testing.B) {
	b.Helper()
	l.run(b, 300*time.Millisecond)
	l.took, l.rates, l.cpu = nil, nil, nil
}

// run asks for one round, over all connections at once.
func (l *load) run(b *testing.B, round time.Duration) {
	b.Helper()
	took := make([][]time.Duration, connections)
	used := l.used(b)
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
	l.cpu = append(l.cpu, float64((l.used(b)-used).Microseconds())/float64(max(1, len(all))))
}

// used is the processor time that the processes have used so far.
func (l *load) used(b *testing.B) (sum time.Duration) {
	b.Helper()
	for _, pid := range l.pids {
		sum += cpuTime(b, pid)
	}
	return sum
}

func (l *load) ask() error {
	request := l.requests[l.asked.Add(1)%uint64(len(l.requests))]
	response, err := l.client.Do(request.Clone(request.Context()))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", request.URL, response.Status)
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
