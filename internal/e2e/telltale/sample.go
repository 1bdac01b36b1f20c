package telltale

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Kind is a kind of refusal.
type Kind string

// The kinds. A password was not sent before where nothing else is said.
const (
	Wrong        Kind = "a wrong password"
	Unknown      Kind = "an unknown name"
	Disabled     Kind = "a disabled account"
	Locked       Kind = "a locked account"
	KnownWrong   Kind = "the same wrong password again"
	KnownUnknown Kind = "the same unknown name again"
	SpentWrong   Kind = "an account with too many failed logins"
	SpentUnknown Kind = "an unknown name with too many failed logins"
)

// Pair is two kinds that are not to be told apart.
type Pair struct{ These, Those Kind }

// Pairs are those by which somebody could tell which names there are.
func Pairs() []Pair {
	return []Pair{
		{Unknown, Wrong}, {Disabled, Wrong}, {Locked, Wrong}, {KnownWrong, Wrong}, {KnownUnknown, KnownWrong}, {SpentUnknown, SpentWrong},
	}
}

// lanes is over how many connections the broker is asked at once.
const lanes = 8

// login is one that is to be refused.
type login struct {
	kind           Kind
	user, password string
	measured       bool
}

// round is one login of each kind, in any order.
func (r *Rig) round(i int) []login {
	measured, guess := i >= warm, fmt.Sprint("guess", i%passwords)
	logins := []login{
		{Wrong, name(usual, i/passwords), guess, measured},
		{Unknown, name(nobody, i/passwords), guess, measured},
		{Disabled, name(disabled, i/passwords), guess, measured},
		{Locked, name(locked, i/passwords), guess, measured},
	}
	if measured {
		before, guessed, another := (i-warm)/passwords, fmt.Sprint("guess", (i-warm)%passwords), fmt.Sprint("another", i)
		logins = append(
			logins,
			login{KnownWrong, name(usual, before), guessed, true},
			login{KnownUnknown, name(nobody, before), guessed, true},
			login{SpentWrong, name(usual+spend, i%spenders), another, true},
			login{SpentUnknown, name(nobody+spend, i%spenders), another, true},
		)
	}
	rand.Shuffle(len(logins), func(a, b int) { logins[a], logins[b] = logins[b], logins[a] })
	return logins
}

// Measure has the broker refuse logins of all kinds, interleaved, and returns how long each
// took.
func (r *Rig) Measure(tb testing.TB) map[Kind][]time.Duration {
	tb.Helper()
	queue := make(chan login)
	m := &measurement{tb: tb, url: "http://" + r.broker.Addr + "/token", took: map[Kind][]time.Duration{}}
	var wg sync.WaitGroup
	for range lanes {
		wg.Go(func() { m.ask(queue) })
	}
	for i := range budget * spenders {
		guess := fmt.Sprint("guess", i/spenders)
		queue <- login{Wrong, name(usual+spend, i%spenders), guess, false}
		queue <- login{Unknown, name(nobody+spend, i%spenders), guess, false}
	}
	for i := range r.rounds {
		for _, l := range r.round(i) {
			queue <- l
		}
	}
	close(queue)
	wg.Wait()
	return m.took
}

// measurement is how long logins took so far.
type measurement struct {
	tb  testing.TB
	url string

	mu   sync.Mutex
	took map[Kind][]time.Duration
}

// ask has logins refused over a connection of its own, one after the other.
func (m *measurement) ask(queue <-chan login) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for l := range queue {
		took, err := m.refused(client, l)
		if err != nil {
			m.tb.Errorf("%s: %v", l.kind, err)
		}
		if l.measured {
			m.mu.Lock()
			m.took[l.kind] = append(m.took[l.kind], took)
			m.mu.Unlock()
		}
	}
}

// refused returns how long it took until a login was refused, the whole answer included.
func (m *measurement) refused(client *http.Client, l login) (time.Duration, error) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, m.url, http.NoBody)
	if err != nil {
		return 0, err
	}
	request.SetBasicAuth(l.user, l.password)
	begun := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	took := time.Since(begun)
	want := http.StatusUnauthorized
	if l.kind == SpentWrong || l.kind == SpentUnknown {
		want = http.StatusTooManyRequests
	}
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("%s, want %d", response.Status, want)
	}
	return took, err
}
