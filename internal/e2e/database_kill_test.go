package e2e_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// kills is how often the program is killed.
const kills = 100

// workers are those whose tokens are made and revoked.
var workers = []string{"alice", "bob", "carol"}

// ledger is what was acknowledged.
type ledger struct {
	mu      sync.Mutex
	secrets map[string]string // of the tokens that were made, by id
	revoked map[string]bool   // by id; false: it was asked for, and there was no answer
	acks    int
}

// TestKilledHundredTimes kills the program while it makes and revokes tokens: nothing that
// was acknowledged is lost, and nothing that was revoked comes back. Each third time it is
// killed after a revocation was acknowledged, and the database's log is lost, too. Of a log
// that is lost while it is being moved nothing can be promised: it alone mends the file.
func TestKilledHundredTimes(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	all, l := newLedger(), newLedger()
	for round := range kills {
		k.Serve(t)
		k.reconnect()
		k.compare(t, round, l)
		k.revokeAll(t, l)
		all.add(l)
		if t.Failed() {
			return
		}
		l = newLedger()
		first := make(chan struct{}, 100)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for _, owner := range workers {
			wg.Go(func() { k.work(l, owner, round, first, stop) })
		}
		select {
		case <-first:
		case <-time.After(30 * time.Second):
			t.Fatal("no token was made")
		}
		time.Sleep(rand.N(60 * time.Millisecond))
		loses := round%3 == 2
		if loses {
			close(stop)
			wg.Wait()
			k.revokeLast(t, l)
		}
		if err := k.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		_ = k.Wait(t, 10*time.Second)
		if loses {
			if err := os.Remove(k.database() + "-wal"); err != nil {
				t.Fatal(err)
			}
		}
	}
	k.Serve(t)
	k.reconnect()
	all.add(l)
	if all.acks < 5*kills {
		t.Errorf("%d acts were acknowledged in %d rounds: the test shows little", all.acks, kills)
	}
	k.compare(t, kills, all)
	t.Logf("%d acts were acknowledged: %d tokens made, %d asked to be revoked", all.acks, len(all.secrets), len(all.revoked))
}

func newLedger() *ledger { return &ledger{secrets: map[string]string{}, revoked: map[string]bool{}} }

// add takes in what another ledger has.
func (l *ledger) add(other *ledger) {
	maps.Copy(l.secrets, other.secrets)
	maps.Copy(l.revoked, other.revoked)
	l.acks += other.acks
}

// revokeAll takes all tokens back: an owner may not have more than a hundred.
func (k *keeper) revokeAll(t *testing.T, l *ledger) {
	t.Helper()
	if len(l.secrets) == 0 {
		return
	}
	for _, owner := range workers {
		if status, text := k.ask(http.MethodPost, "tokens/revoke-all", map[string]string{"owner": "local:" + owner}, nil); status != http.StatusOK && status != http.StatusNotFound { // it has none any more
			t.Errorf("revoking all of %s: status %d: %s", owner, status, text)
		}
		l.acks++
	}
	for id := range l.secrets {
		l.revoked[id] = true
	}
}

// revokeLast makes a token and revokes it, with nobody else at work.
func (k *keeper) revokeLast(t *testing.T, l *ledger) {
	t.Helper()
	made := k.mustMake(t, workers[0], "last")
	if status, text := k.ask(http.MethodDelete, "tokens/"+made.ID, nil, nil); status != http.StatusOK {
		t.Fatalf("revoking the last token: status %d: %s", status, text)
	}
	l.secrets[made.ID], l.revoked[made.ID], l.acks = made.Secret, true, l.acks+2
}

// work makes tokens and revokes the ones before, until there is no answer or it is to stop.
func (k *keeper) work(l *ledger, owner string, round int, first chan<- struct{}, stop <-chan struct{}) {
	var before string
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		made, status, _ := k.make(owner, fmt.Sprintf("%d-%d", round, i))
		if status != http.StatusCreated {
			return
		}
		l.note(func() { l.secrets[made.ID], l.acks = made.Secret, l.acks+1 })
		select {
		case first <- struct{}{}:
		default:
		}
		if before != "" && round%2 == 0 || i > 0 && i%8 != 0 && before != "" {
			l.note(func() { l.revoked[before] = false })
			if status, _ := k.ask(http.MethodDelete, "tokens/"+before, nil, nil); status != http.StatusOK {
				return
			}
			l.note(func() { l.revoked[before], l.acks = true, l.acks+1 })
		}
		before = made.ID
	}
}

func (l *ledger) note(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
}

// compare wants every token to be as it was acknowledged.
func (k *keeper) compare(t *testing.T, round int, l *ledger) {
	t.Helper()
	for id, secret := range l.secrets {
		var kept keptToken
		if status, text := k.ask(http.MethodGet, "tokens/"+id, nil, &kept); status != http.StatusOK {
			t.Errorf("round %d: token %s was made and is lost: status %d: %s", round, id, status, text)
			continue
		}
		acknowledged, asked := l.revoked[id]
		if !asked && kept.Status != "live" || acknowledged && kept.Status != "revoked" {
			t.Errorf("round %d: token %s is %s; asked to be revoked: %t, acknowledged: %t", round, id, kept.Status, asked, acknowledged)
		}
		want := http.StatusOK
		if kept.Status == "revoked" {
			want = http.StatusUnauthorized
		}
		if round < kills && round%10 != 0 {
			continue // a few sign in
		}
		if a := k.Token(t, "ci", secret, service, "repository:team/app:pull"); a.Status != want {
			t.Errorf("round %d: with token %s, which is %s: status %d: %s", round, id, kept.Status, a.Status, a.Body)
		}
	}
}
