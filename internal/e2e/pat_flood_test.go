package e2e_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestMadeUpTokens sends ten thousand strings that look like access tokens, in every way
// that credentials are sent. They reach no directory, and no database: that cannot be
// read meanwhile, so that whatever is looked up there is answered 503.
func TestMadeUpTokens(t *testing.T) {
	w := newWorld(t, "", withTokens()...)
	genuine := w.mint(t, "alice", "ci")
	before := len(w.broker.Audit(t))
	lock(t, database(w.broker))
	w.slapd.Settle(t)
	mark := len(w.slapd.Log())

	// The lock holds: a token that nobody has, with a checksum that is right, is looked up.
	if a := w.broker.Token(t, "ci", pat.NewText().Secret().Reveal(), service); a.Status != http.StatusServiceUnavailable {
		t.Fatalf("with a database that cannot be read, an unknown token is answered %d: %s", a.Status, a.Body)
	}
	const requests = 10_000
	began := time.Now()
	answers := flood(t, w.broker, requests, genuine)
	if len(answers) != 1 || answers[http.StatusUnauthorized] != requests {
		t.Errorf("answers by status: %v", answers)
	}
	t.Logf("%d requests in %s", requests, time.Since(began))
	w.slapd.Settle(t)
	if events := w.slapd.Asked(mark); len(events) != 0 {
		t.Errorf("the directory saw %v", events)
	}
	wantLines(t, w.broker, before+1, requests)
}

// lock keeps everybody from reading the database, whose readers each take a lock of their
// own on one of eight bytes of the index of its log.
func lock(t *testing.T, path string) {
	t.Helper()
	index, err := os.OpenFile(path+"-shm", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = index.Close() }) // which ends the lock
	const first, count = 120, 8
	err = syscall.FcntlFlock(index.Fd(), syscall.F_SETLKW, &syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: first, Len: count})
	if err != nil {
		t.Fatal(err)
	}
}

// flood sends so many strings, and counts the answers by their status.
func flood(t *testing.T, b *stack.Broker, requests int, genuine string) map[int]int {
	t.Helper()
	var next atomic.Int64
	var mu sync.Mutex
	var group sync.WaitGroup
	answers := map[int]int{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	for worker := range 16 {
		random := rand.New(rand.NewPCG(6, uint64(worker)))
		group.Go(func() {
			for next.Add(1) <= int64(requests) && !t.Failed() {
				status, err := send(t.Context(), client, b.Addr, madeUp(random, genuine), random.IntN(4))
				if err != nil || status != http.StatusUnauthorized {
					t.Errorf("status %d, %v", status, err)
				}
				mu.Lock()
				answers[status]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return answers
}

// madeUp is a string that looks like a token: most have the form, and the rest are nearly
// those of one that there is.
func madeUp(random *rand.Rand, genuine string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	switch at := 4 + random.IntN(50); random.IntN(10) {
	case 0: // a character differs
		return genuine[:at] + string(digits[(strings.IndexByte(digits, genuine[at])+1+random.IntN(61))%62]) + genuine[at+1:]
	case 1: // cut off
		return genuine[:at]
	case 2: // and more
		return genuine + genuine[4:at+1]
	case 3: // not of the alphabet
		return genuine[:at] + "-" + genuine[at+1:]
	}
	text := []byte("srp_")
	for range 50 {
		text = append(text, digits[random.IntN(len(digits))])
	}
	return string(text)
}

// send sends a token in one of four ways.
func send(ctx context.Context, client *http.Client, addr, token string, way int) (int, error) {
	query := url.Values{"service": {service}, "scope": {"repository:public/app:pull"}}
	method, target, body := http.MethodGet, "http://"+addr+"/token?"+query.Encode(), io.Reader(http.NoBody)
	if way >= 2 {
		query.Set("client_id", "e2e")
		if query.Set("grant_type", "password"); way == 3 {
			query.Set("grant_type", "refresh_token")
			query.Set("refresh_token", token)
		} else {
			query.Set("username", "alice")
			query.Set("password", token)
		}
		method, target, body = http.MethodPost, "http://"+addr+"/token", strings.NewReader(query.Encode())
	}
	request, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return 0, err
	}
	switch way {
	case 0:
		request.SetBasicAuth("alice", token)
	case 1:
		request.SetBasicAuth("", token) // as containerd falls back to
	default:
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && len(token) > 16 && strings.Contains(string(text), token) {
		err = fmt.Errorf("the answer repeats what was sent: %s", text)
	}
	return response.StatusCode, err
}

// wantLines wants the audit log to have so many lines from the one on, all refusals, which
// are as long as a refusal of anything else.
func wantLines(t *testing.T, b *stack.Broker, from, count int) {
	t.Helper()
	var entries []stack.Entry
	b.WaitFor(t, "lines for all requests", 30*time.Second, func() bool {
		told := 0
		entries = b.Audit(t)[from:]
		for _, e := range entries {
			told += max(1, e.Count)
		}
		return told == count
	})
	reasons := map[string]int{}
	for _, e := range entries {
		reasons[e.Outcome+" "+e.Reason]++
		if e.Token != "" || e.Subject != "" {
			t.Fatalf("a string that was made up is taken for %+v", e)
		}
	}
	if reasons["unauthenticated bad-token"] == 0 || len(reasons) > 2 {
		t.Errorf("reasons: %v", reasons)
	}
	content, err := os.ReadFile(filepath.Join(b.Dir, "data", "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	shortest, longest := 1<<20, 0
	for i, line := range strings.Split(strings.TrimSpace(string(content)), "\n")[from:] {
		if entries[i].Count > 0 {
			continue // says less
		}
		shortest, longest = min(shortest, len(line)), max(longest, len(line))
	}
	if longest > 600 || longest-shortest > 100 {
		t.Errorf("lines have %d to %d bytes", shortest, longest)
	}
}
