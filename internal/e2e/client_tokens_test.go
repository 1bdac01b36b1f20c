package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// The addresses that clients come from: at first, and once they have moved.
const (
	here  = "127.0.0.1"
	there = "127.0.0.2"
)

// holders are people who have logged in with access tokens, or try to. A tool has
// accounts of its own in the directory for them.
type holders struct {
	live     *person // whose token counts
	puller   *person // may only pull with it
	revoked  *person
	expired  *person
	foreign  *person // whose token is for the network of here
	disabled *person // who left: the account is disabled
	end      time.Time
}

// newHolders makes the tokens. The one that is to expire is logged in with at once, since
// it lives as short as a token can: a minute.
func (m *matrix) newHolders(t *testing.T, client func(testing.TB) *stack.Client) *holders {
	t.Helper()
	somebody := func(name, password string) *person { return &person{client(t), name, password} }
	holder, leaver := "holder-"+m.id, "leaver-"+m.id
	m.join(t, holder, "unused", "platform")
	m.join(t, leaver, "unused", "platform")
	token := func(owner, name string, args ...string) *person {
		return somebody("ci", m.w.mint(t, owner, name, args...))
	}
	h := &holders{
		live:     token(holder, "live"),
		puller:   somebody("ci", m.w.broker.AccessToken(t, "--owner", "directory:"+holder, "--name", "puller", "--scope", "repository:platform/**:pull")),
		revoked:  token(holder, "revoked"),
		foreign:  token(holder, "foreign", "--network", here),
		disabled: token(leaver, "disabled"),
		expired:  token(holder, "expired", "--expires", "1m"),
		end:      time.Now().Add(time.Minute + time.Second),
	}
	m.enters(t, h.expired)
	return h
}

// in are the same people in another test.
func (h *holders) in(t *testing.T) *holders {
	in := *h
	for _, p := range []**person{&in.live, &in.puller, &in.revoked, &in.expired, &in.foreign, &in.disabled} {
		*p = &person{(*p).In(t), (*p).name, (*p).password}
	}
	return &in
}

// enters logs somebody in, where the tool has logins.
func (m *matrix) enters(t *testing.T, p *person) {
	t.Helper()
	if m.login != nil {
		ok(t, m.login(p))
	}
}

// usesTokens logs in, pushes and pulls with an access token, and does what is refused with
// others: for each reason there is, the user reads the same.
func (m *matrix) usesTokens(t *testing.T) {
	for _, p := range []*person{m.holders.live, m.holders.puller, m.holders.revoked, m.holders.disabled, m.holders.foreign} {
		m.enters(t, p)
	}
	if ref := m.ref("platform/token"); m.push != nil {
		ok(t, m.push(m.holders.live, ref))
		m.refused(t, pushCeiling, m.push(m.holders.puller, m.ref("platform")))
	} else {
		ok(t, m.admin.Crane("push", m.admin.Image(), ref))
	}
	ok(t, m.fetch(m.holders.live, m.ref("platform/token")))
	m.results.does[opToken] = yes

	m.w.broker.Revoke(t, m.holders.revoked.password)
	m.refusesToken(t, "revoked", m.holders.revoked)
	m.w.disable(t, "leaver-"+m.id)
	m.w.broker.WaitFor(t, "refusal of somebody who is disabled", 20*time.Second, func() bool {
		return m.w.broker.Token(t, "ci", m.holders.disabled.password, service).Status == http.StatusUnauthorized
	})
	m.refusesToken(t, "disabled", m.holders.disabled)
	time.Sleep(time.Until(m.holders.end))
	m.refusesToken(t, "expired", m.holders.expired)
}

// fromElsewhere uses an access token from an address that it is not for, after a login
// from one that it is for.
func (m *matrix) fromElsewhere(t *testing.T) { m.refusesToken(t, "foreign", m.holders.foreign) }

// refusesToken wants the token of p, who has logged in before, to be refused: to pull, to
// push and to log in. Each state has repositories of its own, since BuildKit keeps
// registry tokens.
func (m *matrix) refusesToken(t *testing.T, state string, p *person) {
	t.Helper()
	ref := m.ref("platform/" + state)
	refused := func(what refusal, r stack.Result) {
		t.Helper()
		r.Stderr = strings.NewReplacer("platform/"+state, "platform", "platform%2F"+state, "platform").Replace(r.Stderr)
		m.refused(t, what, r)
	}
	refused(pullToken, m.fetch(p, ref))
	if m.push != nil {
		refused(pushToken, m.push(p, ref))
	}
	refused(loginToken, m.signIn(p, ref))
}

// outlives uses an access token while the directory is down: to log in, pull and push.
func (m *matrix) outlives(t *testing.T) {
	m.enters(t, m.holders.live)
	ok(t, m.fetch(m.holders.live, m.ref("platform/token")))
	if m.push != nil {
		ok(t, m.push(m.holders.live, m.ref("platform/outage")))
	}
}
