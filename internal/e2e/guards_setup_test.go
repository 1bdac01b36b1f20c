package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// lockedAfter is after how many wrong passwords the directory of the guards' tests locks an
// account, for good.
const lockedAfter = 5

// guarded is a directory that locks accounts, with a broker and its guards before it. Each
// test has a person of its own there, and comes from a network of its own.
type guarded struct {
	slapd  *slapd.Server
	broker *stack.Broker
	people atomic.Int32
}

// The realms of the guards' tests: of one directory, and what is said of each is remembered
// for two minutes, or for a second.
const (
	lasting = service
	brief   = "brief.example"
)

// briefly is for longer than the second.
const briefly = 1100 * time.Millisecond

// lockingPolicy is an entry of the policy by which the directory locks accounts.
func lockingPolicy() string {
	return passwordPolicy("lockout", "pwdLockout: TRUE", fmt.Sprintf("pwdMaxFailure: %d", lockedAfter), "pwdFailureCountInterval: 0")
}

// atOnce lets all of two hundred requests in at once: on a busy machine some would wait for
// a place for too long.
func atOnce() []string { return []string{"realms:\n", "limits: {requests: {at_once: 512}}\nrealms:\n"} }

// startGuarded starts them. edits are of the configuration.
func startGuarded(t *testing.T, edits ...string) *guarded {
	t.Helper()
	g := &guarded{slapd: slapd.Start(t, slapd.Options{LDIF: lockingPolicy()})}
	realm := func(name, service, guard string) string {
		return fmt.Sprintf(`  - name: %s
    services: [%s]
    connectors:
      - name: tokens
        type: pat
        config: {self_service: {enabled: true, scopes: ["repository:**:pull"]}}
      - name: directory
        type: ldap
        guard: {%s}
        config:
%s
      - name: local
        type: static
        config: {file: users.yaml}
    policy: {rules: [{name: home, authenticated: true, repositories: ["home/{user}/**"], allow: [pull, push]}]}
`, name, service, guard, indent(directoryLines(g.slapd, g.slapd.TLSURL), "          "))
	}
	config := "listen: '{{listen}}'\nmonitor: '{{monitor}}'\ntrusted_proxies: [127.0.0.0/8, '::1']\nrealms:\n" +
		realm("lasting", lasting, "") + realm("brief", brief, "cache: {ttl: 1s, unknown: 1s}")
	g.broker = stack.StartBroker(t, program, replace(t, config, edits...), map[string]string{"users.yaml": example(t, "openldap/users.yaml")})
	return g
}

// target is somebody in the directory, at whose account others may try their luck.
type target struct {
	name, password string
	home, away     string // addresses: the person's own, and one where nobody has logged in
}

// person adds somebody to the directory.
func (g *guarded) person(t *testing.T) target {
	t.Helper()
	n := g.people.Add(1)
	p := target{name: fmt.Sprintf("person%d", n), home: fmt.Sprintf("192.0.2.%d", n), away: fmt.Sprintf("198.51.100.%d", n)}
	p.password = p.name + "-password"
	g.slapd.Load(t, personOf(p.name, slapd.People, under("lockout")))
	return p
}

// at is a login of the person's from an address.
func (p target) at(from, password string) attempt {
	return attempt{from: from, name: p.name, password: password}
}

// attempt is somebody's login.
type attempt struct {
	from           string // the client's address, as the proxy has it
	name, password string
	service        string // lasting if empty
}

// to is the same login to another service.
func (a attempt) to(service string) attempt {
	a.service = service
	return a
}

// of is the service.
func (a attempt) of() string {
	if a.service == "" {
		return lasting
	}
	return a.service
}

// way is a way to send a login.
type way func(*guarded, *testing.T, attempt) stack.Answer

// ways are all of them.
var ways = map[string]way{"GET": (*guarded).get, "POST": (*guarded).post, "API": (*guarded).api}

// get logs in as docker does.
func (g *guarded) get(t *testing.T, a attempt) stack.Answer {
	t.Helper()
	request := g.request(t, a, http.MethodGet, "/token?"+url.Values{"service": {a.of()}}.Encode(), "")
	request.SetBasicAuth(a.name, a.password)
	return exchange(t, request)
}

// post logs in as containerd does.
func (g *guarded) post(t *testing.T, a attempt) stack.Answer {
	t.Helper()
	form := url.Values{"grant_type": {"password"}, "service": {a.of()}, "username": {a.name}, "password": {a.password}, "client_id": {"test"}}
	request := g.request(t, a, http.MethodPost, "/token", form.Encode())
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return exchange(t, request)
}

// api logs in as people do who look after their own access tokens.
func (g *guarded) api(t *testing.T, a attempt) stack.Answer {
	t.Helper()
	realm := map[string]string{lasting: "lasting", brief: "brief"}[a.of()]
	request := g.request(t, a, http.MethodGet, "/api/v1/tokens?"+url.Values{"realm": {realm}}.Encode(), "")
	request.SetBasicAuth(a.name, a.password)
	return exchange(t, request)
}

func (g *guarded) request(t *testing.T, a attempt, method, path, body string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+g.broker.Addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Forwarded-For", a.from)
	return request
}

// exchange is for goroutines too: what is not answered has the status 0.
func exchange(t *testing.T, request *http.Request) stack.Answer {
	t.Helper()
	a, err := stack.Send(request)
	if err != nil {
		t.Error(err)
	}
	return a
}

// atOnce sends many logins at once and counts their statuses.
func (g *guarded) atOnce(t *testing.T, n int, a attempt) map[int]int {
	t.Helper()
	var all sync.WaitGroup
	answers := make([]stack.Answer, n)
	for i := range answers {
		all.Go(func() { answers[i] = g.get(t, a) })
	}
	all.Wait()
	statuses := map[int]int{}
	for _, answer := range answers {
		statuses[answer.Status]++
	}
	return statuses
}

// wantStatus fails the test unless the login is answered so.
func wantStatus(t *testing.T, what string, a stack.Answer, want int) {
	t.Helper()
	if a.Status != want || want != http.StatusOK && want != http.StatusUnauthorized && a.Header.Get("Retry-After") == "" {
		t.Errorf("%s: status %d, Retry-After %q, want %d: %s", what, a.Status, a.Header.Get("Retry-After"), want, a.Body)
	}
}

// dnOf is the name of a person's entry.
func dnOf(name string) string { return "uid=" + name + "," + slapd.People }

// binds counts the passwords that the directory has been sent for a person.
func (g *guarded) binds(t *testing.T, name string) int {
	t.Helper()
	g.slapd.Settle(t)
	n := 0
	for _, e := range g.slapd.Events(0) {
		if e.Kind == "BIND" && e.DN == dnOf(name) {
			n++
		}
	}
	return n
}

// wantBinds fails the test unless the directory has been sent so many passwords.
func (g *guarded) wantBinds(t *testing.T, what, name string, want int) {
	t.Helper()
	if got := g.binds(t, name); got != want {
		t.Errorf("%s: %d binds as %s, want %d", what, got, name, want)
	}
}

// searches counts how often the directory has been asked for a name.
func (g *guarded) searches(t *testing.T, name string) int {
	t.Helper()
	g.slapd.Settle(t)
	n := 0
	for line := range strings.Lines(g.slapd.Log()) {
		if strings.Contains(line, " SRCH base=") && strings.Contains(line, "(uid="+name+")") {
			n++
		}
	}
	return n
}

// wantFailures fails the test unless the directory counts so many wrong passwords.
func (g *guarded) wantFailures(t *testing.T, name string, want int) {
	t.Helper()
	if got := g.slapd.Values(t, dnOf(name), "pwdFailureTime"); len(got) != want {
		t.Errorf("the directory counts %d wrong passwords of %s, want %d", len(got), name, want)
	}
}

// wantUnlocked fails the test where the directory has locked the account.
func (g *guarded) wantUnlocked(t *testing.T, p target) {
	t.Helper()
	if since := g.slapd.Values(t, dnOf(p.name), "pwdAccountLockedTime"); len(since) > 0 {
		t.Errorf("%s is locked in the directory since %s", p.name, since)
	}
}
