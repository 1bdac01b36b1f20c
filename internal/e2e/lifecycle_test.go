package e2e_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestStopUnderLoad ends the program while clients ask it: it stops being ready,
// answers on for five seconds, and exits 0 without a failed request.
func TestStopUnderLoad(t *testing.T) {
	w := newWorld(t, "")
	var answered, failed atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if a := w.broker.Token(t, "alice", "alice-password", service); a.Status == http.StatusOK {
					answered.Add(1)
				} else {
					failed.Add(1)
				}
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	started := time.Now()
	if err := w.broker.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.broker.WaitFor(t, "draining", 2*time.Second, func() bool { return w.broker.Ready() == http.StatusServiceUnavailable })
	time.Sleep(4 * time.Second) // a load balancer has turned away by now
	close(stop)
	wg.Wait()
	if code := w.broker.Wait(t, 30*time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(started); took < 5*time.Second {
		t.Errorf("stopped after %s, before the lame duck's five seconds", took)
	}
	if answered.Load() == 0 || failed.Load() > 0 {
		t.Errorf("%d requests answered, %d failed", answered.Load(), failed.Load())
	}
}

// TestKillLosesNothing kills the program under load: every answer that a client got
// is in the audit log, and the next process serves with the same keys within ten
// seconds.
func TestKillLosesNothing(t *testing.T) {
	w := newWorld(t, "")
	before := w.broker.Command(t, "", "keys", "list").Stdout
	ids := make(chan string, 10000)
	ask := func() {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.broker.Addr+"/token?service="+service+"&scope=repository:public/a:pull", http.NoBody)
		if err != nil {
			t.Error(err)
			return
		}
		for {
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				return // killed
			}
			_ = response.Body.Close()
			select {
			case ids <- response.Header.Get("X-Request-Id"):
			default:
				return
			}
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(ask)
	}
	time.Sleep(500 * time.Millisecond)
	if err := w.broker.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	close(ids)
	w.broker.Wait(t, 5*time.Second)
	audited := map[string]bool{}
	for _, e := range w.broker.Audit(t) {
		audited[e.RequestID] = true
	}
	count := 0
	for id := range ids {
		count++
		if !audited[id] {
			t.Errorf("request %s was answered and is not in the audit log", id)
		}
	}
	if count == 0 {
		t.Error("nothing was answered before the kill")
	}
	started := time.Now()
	w.broker.Serve(t)
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("ready after %s", took)
	}
	if after := w.broker.Command(t, "", "keys", "list").Stdout; after != before {
		t.Errorf("keys before\n%s\nafter\n%s", before, after)
	}
	if a := w.broker.Token(t, "alice", "alice-password", service); a.Status != http.StatusOK {
		t.Error(fmt.Sprint("after the restart: status ", a.Status))
	}
}
