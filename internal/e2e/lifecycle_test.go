package e2e_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestStopUnderLoad ends the program while clients ask it: it stops being ready,
// answers on for five seconds, and exits 0 without a failed request.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
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
				if a, err := w.broker.Ask(t.Context(), "alice", "alice-password", service); err == nil && a.Status == http.StatusOK {
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
	w.broker.WaitFor(t, "draining", 4*time.Second, func() bool { return w.broker.Ready() == http.StatusServiceUnavailable })
	time.Sleep(time.Until(started.Add(4 * time.Second))) // a load balancer has turned away by now
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

// TestStopFinishesWhatIsUnderWay ends the program while logins wait for a directory
// that hangs: new connections are refused, and who waits gets a whole answer.
func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		signals  []syscall.Signal
		lameDuck time.Duration
	}{
		{"SIGTERM", []syscall.Signal{syscall.SIGTERM}, 5 * time.Second},
		{"SIGINT", []syscall.Signal{syscall.SIGINT}, 0},
		{"SIGINT after SIGTERM", []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "")
			w.slapd.Pause(t)
			stop := func() {
				for _, s := range tt.signals {
					if err := w.broker.Signal(s); err != nil {
						t.Fatal(err)
					}
					time.Sleep(50 * time.Millisecond) // two signals come in no order
				}
			}
			var answers <-chan waiting
			signaled := time.Now()
			if tt.lameDuck > 0 {
				stop()
				// A login waits for two seconds: it is half done when the port closes.
				time.Sleep(time.Until(signaled.Add(tt.lameDuck - time.Second)))
				answers = login(t, w.broker)
			} else {
				answers = login(t, w.broker)
				signaled = time.Now()
				stop()
			}
			refused := waitForRefusal(t, w.broker)
			if took := refused.Sub(signaled); took < tt.lameDuck || took > tt.lameDuck+time.Second {
				t.Errorf("the port closed after %s, want %s", took, tt.lameDuck)
			}
			w.slapd.Resume(t)
			wantAnswers(t, answers, refused)
			if code := w.broker.Wait(t, 10*time.Second); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// logins is how many are under way at once.
const logins = 4

// waiting is what somebody got who had to wait.
type waiting struct {
	stack.Answer
	err error
	at  time.Time
}

// login logs in, and returns when the broker has all requests: it has asked for what they say.
func login(t *testing.T, b *stack.Broker) <-chan waiting {
	t.Helper()
	answers, asked := make(chan waiting, logins), make(chan struct{}, logins)
	form := url.Values{"grant_type": {"password"}, "service": {service}, "username": {"alice"}, "password": {"alice-password"}, "client_id": {"test"}}.Encode()
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { asked <- struct{}{} }})
	for range logins {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+b.Addr+"/token", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Expect": {"100-continue"}}
		go func() {
			a, err := stack.Send(request)
			answers <- waiting{a, err, time.Now()}
		}()
	}
	for range logins {
		select {
		case <-asked:
		case <-time.After(10 * time.Second):
			t.Fatal("the broker has not read the logins")
		}
	}
	return answers
}

// wantAnswers wants every login answered as a whole, after the port was closed.
func wantAnswers(t *testing.T, answers <-chan waiting, closed time.Time) {
	t.Helper()
	for range logins {
		a := <-answers
		if a.err != nil || a.Status != http.StatusOK && a.Status != http.StatusServiceUnavailable {
			t.Errorf("a login under way: status %d, error %v", a.Status, a.err)
		}
		if a.err == nil && a.at.Before(closed) {
			t.Errorf("a login was answered %s before the port closed: the test shows nothing", closed.Sub(a.at))
		}
	}
}

// waitForRefusal waits until the token endpoint takes no connection, and returns when
// that was.
func waitForRefusal(t *testing.T, b *stack.Broker) time.Time {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", b.Addr)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return time.Now()
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	t.Fatal("the port is open ten seconds later")
	return time.Time{}
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
