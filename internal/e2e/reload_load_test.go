package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestReloadUnderLoad has clients ask all the time, with every kind of login, over connections
// that they keep and over new ones, while the configuration is read again and again, at times
// a broken one. Each is answered with a token.
func TestReloadUnderLoad(t *testing.T) {
	w := newReloading(t)
	token := w.broker.AccessToken(t, "--owner", "local:breakglass", "--name", "ci", "--scope", "repository:**:pull")
	logins := [][2]string{{"breakglass", "breakglass-password"}, {"alice", "alice-password"}, {"breakglass", token}, {"", ""}}
	var answered, failed atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 16 {
		login := logins[i%len(logins)]
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: i < 8}, Timeout: 20 * time.Second}
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
				}
				if err := tokenFor(client, w.broker, login); err != nil {
					failed.Add(1)
					t.Error(err)
					return
				}
				answered.Add(1)
			}
		})
	}
	policy := read(t, w.broker, "policy.yaml")
	for n := range 20 {
		if n%4 == 3 {
			write(t, w.broker, "policy.yaml", policy+"\n  - {nmae: x}\n")
			reload(t, w.broker, notReloaded)
			write(t, w.broker, "policy.yaml", policy)
			continue
		}
		before := answered.Load()
		reload(t, w.broker, reloaded)
		w.broker.WaitFor(t, "answers after a reload", 20*time.Second, func() bool { return answered.Load() > before+16 || failed.Load() > 0 })
	}
	close(stop)
	clients.Wait()
	t.Logf("%d requests were answered, %d failed", answered.Load(), failed.Load())
}

// tokenFor asks for a token as clients do, and wants one.
func tokenFor(client *http.Client, b *stack.Broker, login [2]string) error {
	request, err := http.NewRequest(http.MethodGet, "http://"+b.Addr+"/token?"+url.Values{"service": {service}, "scope": {"repository:public/app:pull"}}.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	if login[0] != "" {
		request.SetBasicAuth(login[0], login[1])
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), `"token"`) {
		return fmt.Errorf("login of %q: status %d, %q, %w", login[0], response.StatusCode, body, err)
	}
	return nil
}

// TestReloadFinishesWhatIsUnderWay reads the configuration while logins wait for a directory
// that hangs. That is not waited for, and who waits gets a token.
func TestReloadFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newReloading(t)
	w.slapd.Pause(t)
	answers := login(t, w.broker)
	reload(t, w.broker, reloaded)
	if a := w.broker.Token(t, "breakglass", "breakglass-password", service); a.Status != http.StatusOK {
		t.Errorf("after the reload: status %d: %s", a.Status, a.Body)
	}
	if len(answers) > 0 {
		t.Error("nobody waits any more: the test shows nothing")
	}
	w.slapd.Resume(t)
	for range logins {
		if a := <-answers; a.err != nil || a.Status != http.StatusOK {
			t.Errorf("a login under way: status %d, error %v: %s", a.Status, a.err, a.Body)
		}
	}
}

// TestReloadForgetsAnswers holds, by what the directory is sent, that a reload has it asked
// again about who was let pass, and about nothing that was refused.
func TestReloadForgetsAnswers(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	p := g.person(t)
	at := func(from, password string, want int) {
		t.Helper()
		wantStatus(t, password+" from "+from, g.get(t, p.at(from, password)), want)
	}
	at(p.home, p.password, http.StatusOK)
	at(p.home, p.password, http.StatusOK)
	g.wantBinds(t, "two logins", p.name, 1)
	reload(t, g.broker, reloaded)
	at(p.home, p.password, http.StatusOK)
	at(p.home, p.password, http.StatusOK)
	g.wantBinds(t, "two more after a reload", p.name, 2)

	at(p.away, "wrong", http.StatusUnauthorized)
	g.wantBinds(t, "a wrong one", p.name, 3)
	reload(t, g.broker, reloaded)
	at(p.away, "wrong", http.StatusUnauthorized)
	g.wantBinds(t, "the same after a reload", p.name, 3)
	for _, guess := range p.guesses(p.away, budget-1) {
		wantStatus(t, "a guess", g.get(t, guess), http.StatusUnauthorized)
	}
	g.wantBinds(t, "as many as the budget", p.name, 2+budget)
	for range 3 {
		reload(t, g.broker, reloaded)
		g.wantSpent(t, "beyond the budget", p.at(p.away, ""))
	}
	g.wantBinds(t, "nothing beyond the budget", p.name, 2+budget)
	g.wantFailures(t, p.name, budget)
	g.wantUnlocked(t, p)
	at(p.home, p.password, http.StatusOK) // where the account has signed in before the reloads
}

// TestReloadWithAnotherServer adds a server to a directory, and then has it reached under
// another name alone, and holds that what was counted of its accounts counts on.
func TestReloadWithAnotherServer(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	p, spent := g.person(t), g.person(t)
	wantStatus(t, "at home", g.get(t, p.at(p.home, p.password)), http.StatusOK)
	for _, guess := range spent.guesses(spent.away, budget) {
		wantStatus(t, "a guess", g.get(t, guess), http.StatusUnauthorized)
	}
	guesses := p.guesses(p.away, budget)
	wantStatus(t, "a guess", g.get(t, guesses[0]), http.StatusUnauthorized)
	urls := []string{g.slapd.TLSURL, "[" + g.slapd.TLSURL + ", ldaps://ldap2.corp.example]", strings.Replace(g.slapd.TLSURL, "localhost", "127.0.0.1", 1)}
	for i := 1; i < len(urls); i++ {
		before := read(t, g.broker, "shorepass.yaml")
		after := strings.ReplaceAll(before, "url: "+urls[i-1]+"\n", "url: "+urls[i]+"\n")
		if after == before {
			t.Fatalf("no url %s in\n%s", urls[i-1], before)
		}
		write(t, g.broker, "shorepass.yaml", after)
		reload(t, g.broker, reloaded)
		wantStatus(t, "another guess", g.get(t, guesses[i]), http.StatusUnauthorized)
		g.wantSpent(t, "with no guess left before", spent.at(spent.away, ""))
	}
	g.wantSpent(t, "with no guess left", p.at(p.away, ""))
	g.wantFailures(t, p.name, budget)
	g.wantFailures(t, spent.name, budget)
	g.wantUnlocked(t, p)
	wantStatus(t, "at home", g.get(t, p.at(p.home, p.password)), http.StatusOK)
}

// TestReloadLeavesNothing reads the configuration fifty times, with logins in between, and
// looks for connections and goroutines of the former ones.
func TestReloadLeavesNothing(t *testing.T) {
	t.Parallel()
	few, many := goroutinesAfter(t, 3), goroutinesAfter(t, 50)
	t.Logf("%d goroutines after 3 reloads, %d after 50", few, many)
	if many > few+10 {
		t.Errorf("%d goroutines after 3 reloads, %d after 50", few, many)
	}
}

// goroutinesAfter counts the goroutines of a program that has read its configuration so often.
func goroutinesAfter(t *testing.T, reloads int) int {
	t.Helper()
	nobody := stack.FreeAddr(t) // listens there
	w := newReloading(t, "      - name: tokens\n", `      - {name: keycloak, type: oidc, usernames: [oscar], config: {issuer: "http://`+nobody+`/realms/x", client_id: registry, client_secret: a-secret}}
      - {name: endpoint, type: webhook, usernames: [wendy], config: {url: "http://`+nobody+`/", secret: whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3}}
      - name: tokens
`)
	for range reloads {
		for name, want := range map[string]int{"alice": http.StatusOK, "breakglass": http.StatusOK, "oscar": http.StatusServiceUnavailable, "wendy": http.StatusServiceUnavailable} {
			if a := w.broker.Token(t, name, name+"-password", service); a.Status != want {
				t.Fatalf("%s: status %d, want %d: %s", name, a.Status, want, a.Body)
			}
		}
		reload(t, w.broker, reloaded)
	}
	w.broker.WaitFor(t, "end of the connections of former configurations", 10*time.Second, func() bool { return connectionsOf(w.slapd) == 0 })
	http.DefaultClient.CloseIdleConnections()
	if err := w.broker.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	w.broker.Wait(t, 10*time.Second)
	return strings.Count(w.broker.Output.String(), "\ngoroutine ")
}

// connectionsOf is how many connections a directory has.
func connectionsOf(s *slapd.Server) (n int) {
	for _, e := range s.Events(0) {
		switch e.Kind {
		case "ACCEPT":
			n++
		case "CLOSE":
			n--
		}
	}
	return n
}
