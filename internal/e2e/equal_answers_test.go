package e2e_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// suspect is a login that is to be refused, and why, as the audit log has it.
type suspect struct{ user, password, reason string }

// suspects are logins that fail in every way there is. Those with a password, whatever stands
// for the name, are also to be locked out in the same way.
func suspects() (names, noPasswords []suspect) {
	names = []suspect{
		{"alice", "guess0", "wrong-password"},
		{"zoe", "guess0", "unknown-user"},
		{"mallory", "guess0", "unhandled"},
		{"breakglass", "guess0", "wrong-password"}, // in the file
		{"former", "former-password", "disabled"},  // likewise
		{"locked", "locked-password", "locked"},
		{"guessed", "guess0", "locked"},
		{"grace", "grace-password", "grace-login"},
		{"expired", "expired-password", "password-expired"},
		{"reset", "reset-password", "must-change-password"},
		{"early", "early-password", "locked"},
		{"keyless", "guess0", "wrong-password"},
		{"twin", "twin-password", "ambiguous"},
		{"no name", "guess0", "bad-username"},
		{strings.Repeat("a", 129), "guess0", "bad-username"},
	}
	noPasswords = []suspect{
		{"alice", "", "empty-password"},
		{"alice", "caf\xe9", "bad-password"},
		{"zoe", strings.Repeat("\x01", 8<<10+1), "bad-password"},
	}
	return names, noPasswords
}

// equalWorld is a broker over TLS, with a file and a directory.
type equalWorld struct {
	t      *testing.T
	broker *stack.Broker

	mu   sync.Mutex
	last map[string]span // when the password of a name was sent that was the last to be refused as wrong
}

// span is when a request was sent, and when it had been answered.
type span struct{ sent, answered time.Time }

// ends holds that a wait ends when the usual window has passed since a request was worked on:
// as exactly as seconds and the times of the two requests tell.
func (s span) ends(t *testing.T, what string, wait time.Duration, now span) {
	t.Helper()
	const window, rounding = 15 * time.Minute, time.Second
	least, most := window-now.answered.Sub(s.sent)-rounding, window-now.sent.Sub(s.answered)+rounding
	if wait < least || wait > most {
		t.Errorf("%s: wait %s, want %s to %s", what, wait, least, most)
	}
}

func newEqualWorld(t *testing.T) *equalWorld {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	files := selfSigned(t, key, key.Public())
	hash := func(password string) string {
		h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		return string(h)
	}
	files["users.yaml"] = "users:\n" +
		"  - {username: breakglass, password_hash: '" + hash("breakglass-password") + "'}\n" +
		"  - {username: former, password_hash: '" + hash("former-password") + "', disabled: true}\n"
	s := startTroubled(t, true)
	for i := range 2 { // of the policy by which two wrong passwords lock
		_, err := signIn(t, ldapConnector(t, ldapConfig(s)), "guessed", fmt.Sprint("earlier", i))
		wantReason(t, err, "wrong-password")
	}
	config := replace(t, ldapBroker(s, ""), "    connectors:\n", tokensConnector+`      - {name: local, type: static, config: {file: users.yaml}}
`, "        type: ldap\n", "        type: ldap\n        usernames: [a*, zoe, locked, guessed, grace, expired, reset, early, keyless, twin]\n")
	w := &equalWorld{t: t, last: map[string]span{}, broker: stack.StartBroker(t, program, "tls: {cert_file: cert.pem, key_file: key.pem}\n"+replace(t, config, "realms:\n", "public_url: https://{{listen}}\nrealms:\n"), files)}
	return w
}

func insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} } //nolint:gosec // of this test's own

// request is how a login is sent.
type request struct{ name, version, method, path, contentType, form string }

func requests() []request {
	token := "/token?service=" + url.QueryEscape(service)
	return []request{
		{"GET", "1.1", "GET", token, "", ""},
		{"GET, HTTP/1.0", "1.0", "GET", token, "", ""},
		{"POST", "1.1", "POST", "/token", "application/x-www-form-urlencoded", "grant_type=password&service=" + url.QueryEscape(service)},
		{"a person's tokens", "1.1", "GET", "/api/v1/tokens", "", ""},
	}
}

// text is the request for a login, byte for byte.
func (r request) text(user, password string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/%s\r\nHost: localhost\r\n", r.method, r.path, r.version)
	if r.form != "" {
		body := r.form + "&username=" + url.QueryEscape(user) + "&password=" + url.QueryEscape(password)
		fmt.Fprintf(&b, "Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s", r.contentType, len(body), body)
		return b.String()
	}
	fmt.Fprintf(&b, "Authorization: Basic %s\r\n\r\n", base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	return b.String()
}

// answer is all that a client sees, byte for byte, but for what is another each time.
type answer struct {
	status int
	text   string
	wait   time.Duration // until it is worth another try
	when   span
	open   bool // the connection can be used again
}

var (
	eachTime   = regexp.MustCompile(`(?mi)^(Date|X-Request-Id): .*\r$`)
	instance   = regexp.MustCompile(`"instance":"[A-Z0-9]{26}"`)
	retryAfter = regexp.MustCompile(`(?mi)^Retry-After: (\d+)\r$`)
)

// ask sends a login twice over one connection, if that stays open, and returns the answer.
func (w *equalWorld) ask(r request, user, password string) answer {
	w.t.Helper()
	c, err := tls.Dial("tcp", w.broker.Addr, insecure())
	if err != nil {
		w.t.Error(err)
		return answer{}
	}
	defer c.Close()
	var raw bytes.Buffer
	received := bufio.NewReader(io.TeeReader(c, &raw))
	once := func() (status int, err error) {
		raw.Reset()
		if _, err := io.WriteString(c, r.text(user, password)); err != nil {
			return 0, err
		}
		response, err := http.ReadResponse(received, nil)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, response.Body)
		return response.StatusCode, err
	}
	when := span{sent: time.Now()}
	status, err := once()
	when.answered = time.Now()
	if err != nil {
		w.t.Error(err)
	}
	a := answer{status: status, when: when, text: instance.ReplaceAllString(eachTime.ReplaceAllString(raw.String(), "$1: *\r"), `"instance":"*"`)}
	if m := retryAfter.FindStringSubmatch(a.text); m != nil {
		seconds, _ := strconv.Atoi(m[1])
		a.wait = time.Duration(seconds) * time.Second
		a.text = retryAfter.ReplaceAllString(a.text, "Retry-After: *\r")
	}
	again, err := once()
	a.open = err == nil
	if a.open && again != status {
		w.t.Errorf("%s: %s with %s: %d, then %d over the same connection", r.name, user, password, status, again)
	}
	return a
}

// alike fails the test unless an answer is what another one is.
func (w *equalWorld) alike(what string, got, want answer) {
	w.t.Helper()
	if got.status != want.status || got.text != want.text || got.open != want.open || (got.wait > 0) != (want.wait > 0) {
		w.t.Errorf("%s: open %v, wait %s\n%s\nwant open %v, wait %s\n%s", what, got.open, got.wait, got.text, want.open, want.wait, want.text)
	}
}

// spent fails the test unless an answer is what another one is, that there were too many, and
// the wait is that of the name.
func (w *equalWorld) spent(what, user string, got, want answer) {
	w.t.Helper()
	w.alike(what, got, want)
	w.last[user].ends(w.t, what, got.wait, got.when)
}

// TestEqualAnswers holds that clients cannot tell why a login was refused, nor which names
// there are, and that the audit log can.
func TestEqualAnswers(t *testing.T) {
	t.Parallel()
	w := newEqualWorld(t)
	names, noPasswords := suspects()
	all := slices.Concat(names, noPasswords)
	for _, r := range requests() {
		want := w.ask(r, "alice", "guess0")
		if want.status != http.StatusUnauthorized || want.open != (r.version == "1.1") {
			t.Errorf("%s: a wrong password is answered\n%s\nopen: %v", r.name, want.text, want.open)
		}
		each(all, func(s suspect) { w.alike(r.name+": "+s.user+", "+s.reason, w.ask(r, s.user, s.password), want) })
	}
	w.wantReasons(all)

	// After the first password, two more are refused, then all.
	states := []string{"disabled", "grace-login", "must-change-password"} // which only the right password shows
	for i := 1; i < 6; i++ {
		guess, status := fmt.Sprint("guess", i), http.StatusUnauthorized
		if i >= 3 {
			status = http.StatusTooManyRequests
		}
		want := w.ask(requests()[0], "alice", guess)
		if want.status != status || (want.wait > 0) != (i >= 3) {
			t.Errorf("password %d of alice: wait %s\n%s\nwant %d", i+1, want.wait, want.text, status)
		}
		if i < 3 {
			w.last = map[string]span{"alice": want.when}
		}
		each(names, func(s suspect) {
			what := fmt.Sprintf("%s, %s, password %d", s.user, s.reason, i+1)
			got := w.ask(requests()[0], s.user, guess)
			w.mu.Lock()
			defer w.mu.Unlock()
			if i >= 3 {
				w.spent(what, s.user, got, want)
				if i == 3 && slices.Contains(states, s.reason) {
					// The first password did not count as wrong: this one was sent, and
					// has the wait begin anew.
					w.last[s.user] = span{w.last[s.user].sent, got.when.answered}
				}
				return
			}
			w.alike(what, got, want)
			if s.user != "alice" { // of whom it was the second time
				w.last[s.user] = got.when
			}
		})
	}
	for _, r := range requests() {
		known, spent := w.ask(r, "alice", "guess0"), w.ask(r, "alice", "guess5")
		if known.status != http.StatusUnauthorized || spent.status != http.StatusTooManyRequests {
			t.Errorf("%s: the first password %d, the last %d: want 401 and 429", r.name, known.status, spent.status)
		}
		each(names, func(s suspect) {
			w.alike(r.name+": the first password again, "+s.reason, w.ask(r, s.user, s.password), known)
			w.spent(r.name+": the last password again, "+s.reason, s.user, w.ask(r, s.user, "guess5"), spent)
		})
	}
}

// each does something for all suspects at once, since each answer is held for a while.
func each(list []suspect, do func(suspect)) {
	var wg sync.WaitGroup
	for _, s := range list {
		wg.Go(func() { do(s) })
	}
	wg.Wait()
}

// wantReasons holds that the audit log has the reason of each.
func (w *equalWorld) wantReasons(all []suspect) {
	w.t.Helper()
	reasons := map[string][]string{}
	for _, e := range w.broker.Audit(w.t) {
		reasons[e.Username] = append(reasons[e.Username], e.Reason)
	}
	for _, s := range all {
		if name := clipped(s.user); !slices.Contains(reasons[name], s.reason) {
			w.t.Errorf("%s: the audit log has %q, want %s", name, reasons[name], s.reason)
		}
	}
}

// clipped is a name as the audit log has it.
func clipped(name string) string {
	if len(name) > 128 {
		return name[:128] + "…"
	}
	return name
}
