package e2e_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// refuses does with the tool what is refused, and compares what the user reads.
func (m *matrix) refuses(t *testing.T) {
	m.refused(t, wrongPassword, m.signIn(m.nobody.as("alice", "not-her-password"), m.ref("platform")))
	m.refused(t, unknownUser, m.signIn(m.nobody.as("zoe", "zoe-password"), m.ref("platform")))
	if m.logout != nil {
		_ = m.logout(m.nobody) // what was not accepted may have been kept all the same
	}
	m.refused(t, pullDenied, m.fetch(m.bob, m.ref("platform")))
	if m.push != nil {
		m.refused(t, pushDenied, m.push(m.bob, m.ref("platform")))
	}
	if m.build != nil && m.pull != nil {
		m.refused(t, buildDenied, m.build(m.bob, m.ref("platform")))
	}
	if m.tags != nil {
		m.refused(t, tagsDenied, m.tags(m.bob, m.repository("platform")))
	}
	if m.catalog != nil {
		m.refused(t, catalogDenied, m.catalog(m.bob))
	}
	if m.mount != nil {
		m.mountDenied(t)
	}
	m.refusesStrangers(t)
	m.refusesOldLogins(t)
}

// refusesStrangers does what somebody may not who has not logged in.
func (m *matrix) refusesStrangers(t *testing.T) {
	m.refused(t, pullAnonymous, m.fetch(m.nobody, m.ref("platform")))
	if m.push != nil {
		m.refused(t, pushAnonymous, m.push(m.nobody, m.ref("platform")))
		m.refused(t, publicAnonymous, m.push(m.nobody, m.ref("public")))
	}
	if m.build != nil && m.pull != nil {
		m.refused(t, buildAnonymous, m.build(m.nobody, m.ref("platform")))
	}
	if m.tags != nil {
		m.refused(t, tagsAnonymous, m.tags(m.nobody, m.repository("platform")))
	}
	if m.catalog != nil {
		m.refused(t, catalogAnonymous, m.catalog(m.nobody))
	}
	if m.remove != nil {
		m.refused(t, deleteAnonymous, m.remove(m.nobody, m.ref("public"), m.digest(m.ref("public"))))
	}
}

// refusesOldLogins uses what a client has saved, and what is good no longer: a password,
// and the token of another server.
func (m *matrix) refusesOldLogins(t *testing.T) {
	m.w.slapd.Modify(t, fmt.Sprintf("dn: %s\nchangetype: modify\nreplace: userPassword\nuserPassword: new-password\n", corpDN(m.former.name)))
	m.forget(t, m.former.name)
	m.refused(t, stalePassword, m.fetch(m.former, m.ref("platform")))
	if m.push != nil {
		m.refused(t, stalePush, m.push(m.former, m.ref("platform")))
	}
	if n := len(m.w.slapd.Values(t, corpDN(m.former.name), "pwdFailureTime")); n != 1 {
		t.Errorf("a stale password of %s is %d wrong ones to the directory, want 1", m.name, n)
	}
	if m.login != nil {
		m.nobody.File("config.json", fmt.Sprintf(`{"auths":{%q:{"auth":"YWxpY2U6","identitytoken":"of-another-server"}}}`, m.nobody.Registry())) // as docker login saves it: "alice:"
		m.refused(t, identityToken, m.fetch(m.nobody, m.ref("platform")))
		m.nobody.File("config.json", "{}\n")
	}
}

// signIn is a login; where the tool has none, or does not ask the registry at a
// login, it is the first pull that shows whether the credentials are right.
func (m *matrix) signIn(p *person, ref string) stack.Result {
	if m.login == nil {
		return m.fetch(p, ref)
	}
	r := m.login(p)
	if r.Code == 0 {
		m.results.does[opLogin] = "kept unchecked"
		r = m.fetch(p, ref)
	}
	return r
}

// mountDenied copies from a repository that the person has pushed to, and may read no
// longer. A tool that has the image may send it, once it was refused to mount it.
func (m *matrix) mountDenied(t *testing.T) {
	const prefix = "platform/left"
	m.change(t, m.former.name, "add", "registry-web")
	ok(t, m.push(m.former, m.ref(prefix)))
	ok(t, m.pull(m.former, m.ref(prefix)))
	m.change(t, m.former.name, "delete", "platform")
	m.forget(t, m.former.name)
	before := len(m.w.registry.Output.String())
	r := m.mount(m.former, m.ref(prefix), m.ref("web"))
	if r.Code == 0 {
		m.w.logs(t, `"PUT /v2/web/`+m.id+`/manifests/`, `" 201 `)
	}
	if m.w.mounted("web/"+m.id) > 0 {
		t.Errorf("%s mounted what %s may not read", m.name, m.former.name)
	}
	m.w.logsSince(t, before, prefix+"/"+m.id, `" 401 `) // it has tried
	if r.Code != 0 {
		m.refused(t, mountDenied, r)
		return
	}
	m.results.reads[mountDenied] = sentInstead
}

// change adds somebody to a group, or deletes them from it.
func (m *matrix) change(t *testing.T, name, how, group string) {
	t.Helper()
	m.w.slapd.Modify(t, fmt.Sprintf("dn: cn=%s,ou=groups,dc=corp,dc=example\nchangetype: modify\n%s: member\nmember: uid=%s,ou=people,dc=corp,dc=example\n", group, how, name))
}

// throttled uses the tool with an account at which somebody has tried more passwords than
// are let through to the directory, from the same machine.
func (m *matrix) throttled(t *testing.T) {
	m.enters(t, m.guessed)
	for i := range budget + 2 { // one of them since the account has signed in from here, and one too many
		m.w.broker.Token(t, m.guessed.name, fmt.Sprintf("a-guess-%d", i), service)
	}
	m.forget(t, m.guessed.name)
	if since := m.w.slapd.Values(t, corpDN(m.guessed.name), "pwdAccountLockedTime"); len(since) > 0 {
		t.Errorf("the account is locked in the directory since %s", since)
	}
	logsIn := m.login != nil && m.results.does[opLogin] == yes
	var pulled, loggedIn stack.Result
	var both sync.WaitGroup // some try again, for a quarter of a minute
	both.Go(func() { pulled = m.fetch(m.guessed, m.ref("platform")) })
	if !m.patient {
		both.Wait() // a login may write what a pull reads
	}
	if logsIn {
		both.Go(func() { loggedIn = m.login(m.guessed) })
	}
	both.Wait()
	m.refused(t, pullThrottled, pulled)
	if logsIn {
		m.refused(t, loginThrottled, loggedIn)
	}
	ok(t, m.w.broker.Command(t, "", "lockouts", "clear", "--user", m.guessed.name))
	ok(t, m.fetch(m.guessed, m.ref("platform")))
}

// forget has the next login of somebody reach the directory.
func (m *matrix) forget(t *testing.T, name string) {
	t.Helper()
	ok(t, m.w.broker.Command(t, "", "cache", "clear", "--user", name))
}

// outage uses the tool while the directory is down. Carol has pulled nothing so far:
// BuildKit keeps tokens for as long as they are valid.
func (m *matrix) outage(t *testing.T) {
	if m.login != nil && m.results.does[opLogin] == yes {
		m.refused(t, loginDown, m.login(m.nobody.as("carol", "carol-password")))
	}
	m.refused(t, pullDown, m.fetch(m.carol, m.ref("public")))
	if m.push != nil && !m.patient {
		m.refused(t, pushDown, m.push(m.carol, m.ref("public")))
	}
	m.outlives(t)
}
