package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// tool is a client program as the tests use it. What it cannot do is nil. A new
// client is one file with a function that returns its tool, and a line in tools.
type tool struct {
	name string // of the program, in docs/clients.md and testdata/messages
	id   string // of its repositories; the name if empty

	artifacts bool // it pulls what it has pushed, and no images
	patient   bool // it tries again for so long that a test waits for it where it must, and never for a push while the directory is down

	// hides are the refusals of which the broker's words do not reach the user.
	hides []refusal

	login   func(p *person) stack.Result
	logout  func(p *person) stack.Result
	push    func(p *person, ref string) stack.Result // an image of p's own
	pull    func(p *person, ref string) stack.Result
	build   func(p *person, base string) stack.Result // an image on a base of the registry
	tags    func(p *person, repository string) stack.Result
	catalog func(p *person) stack.Result
	remove  func(p *person, ref, digest string) stack.Result
	mount   func(p *person, from, to string) stack.Result // copies an image to another repository of the registry
}

// person is somebody at a client program; without a name, somebody who has no account.
type person struct {
	*stack.Client
	name, password string
}

// as is the same person with other credentials to type.
func (p *person) as(name, password string) *person { return &person{p.Client, name, password} }

// tag is the one that every tool pushes: helm wants versions.
const tag = "1.0.0"

// matrix is a tool at work in a world, and what it was seen to do.
type matrix struct {
	tool
	w       *world
	admin   *stack.Client // looks after the tool, with another one
	alice   *person       // may do everything in platform/… and public/…
	bob     *person       // may do nothing there but pull from public/…
	carol   *person       // may list all repositories
	nobody  *person
	former  *person // of alice's group; will leave it, and change the password, after a login
	guessed *person // whose account others try their luck at
	holders *holders
	results record
}

// newMatrix makes the people; client makes one who can use the tool.
func newMatrix(t *testing.T, u tool, w *world, client func(testing.TB) *stack.Client) *matrix {
	t.Helper()
	if u.id == "" {
		u.id = u.name
	}
	somebody := func(name, password string) *person { return &person{client(t), name, password} }
	m := &matrix{
		tool: u, w: w, admin: w.client(t), results: newRecord(),
		alice: somebody("alice", "alice-password"), bob: somebody("BOB", "bob-password"), carol: somebody("carol", "carol-password"),
		nobody: somebody("", ""), former: somebody("former-"+u.id, "old-password"),
		guessed: somebody("guessed-"+u.id, "guessed-password"),
	}
	ok(t, m.admin.DockerLogin("alice", "alice-password"))
	m.join(t, m.former.name, m.former.password, "platform")
	m.join(t, m.guessed.name, m.guessed.password, "platform")
	return m
}

// corpDN is the name of somebody's entry.
func corpDN(name string) string { return "uid=" + name + ",ou=people,dc=corp,dc=example" }

// join adds somebody to the directory, and to a group there.
func (m *matrix) join(t *testing.T, name, password, group string) {
	t.Helper()
	m.w.slapd.Load(t, fmt.Sprintf("dn: uid=%[1]s,ou=people,dc=corp,dc=example\nobjectClass: inetOrgPerson\nuid: %[1]s\ncn: %[1]s\nsn: %[1]s\nuserPassword: %[2]s\n", name, password))
	m.change(t, name, "add", group)
}

// in is the matrix in another test.
func (m *matrix) in(t *testing.T) *matrix {
	in := *m
	in.admin = m.admin.In(t)
	for _, p := range []**person{&in.alice, &in.bob, &in.carol, &in.nobody, &in.former, &in.guessed} {
		*p = &person{(*p).In(t), (*p).name, (*p).password}
	}
	in.holders = m.holders.in(t)
	return &in
}

// repository is a repository of the tool's own under a prefix.
func (m *matrix) repository(prefix string) string { return m.admin.Ref(prefix + "/" + m.id) }

// ref is its one image.
func (m *matrix) ref(prefix string) string { return m.repository(prefix) + ":" + tag }

// digest is what the registry has at ref, empty if nothing.
func (m *matrix) digest(ref string) string {
	if r := m.admin.Crane("digest", ref); r.Code == 0 {
		return strings.TrimSpace(r.Stdout)
	}
	return ""
}

// works uses the tool for everything that it can do.
func (m *matrix) works(t *testing.T) {
	m.logsIn(t)
	m.pushes(t)
	m.downloads(t, opAnonymousPull, m.fetch, m.nobody, "public", 2)
	if m.pull != nil {
		m.downloads(t, opPull, m.pull, m.alice, "platform", 3)
	}
	if m.build != nil {
		m.downloads(t, opBuild, m.build, m.alice, "platform", 4)
	}
	if m.tags != nil {
		m.lists(t, opTags, m.tags(m.alice, m.repository("platform")), tag)
	}
	if m.catalog != nil {
		m.lists(t, opCatalog, m.catalog(m.carol), "platform/"+m.id)
	}
	if m.mount != nil {
		m.mounts(t, m.alice, "home/alice")
	}
}

// fetch is a pull, or what comes nearest to it.
func (m *matrix) fetch(p *person, ref string) stack.Result {
	if m.pull != nil {
		return m.pull(p, ref)
	}
	return m.build(p, ref)
}

// downloads wants a tool to get something from the registry: an image of so many layers
// that nobody's engine has seen, or what the tool has pushed where that is no image.
func (m *matrix) downloads(t *testing.T, o operation, fetch func(*person, string) stack.Result, p *person, prefix string, layers int) {
	t.Helper()
	if !m.artifacts {
		prefix += "/" + strings.Fields(string(o))[0]
		ok(t, m.admin.Crane("push", m.admin.Layers(layers), m.ref(prefix)))
	}
	ok(t, fetch(p, m.ref(prefix)))
	m.w.logs(t, `"GET /v2/`+prefix+"/"+m.id+`/blobs/`, `" 200 `)
	m.results.does[o] = yes
}

// pushes pushes the tool's images, for a tool that cannot with another one.
func (m *matrix) pushes(t *testing.T) {
	for _, prefix := range []string{"platform", "public"} {
		ref := m.ref(prefix)
		if m.push == nil {
			ok(t, m.admin.Crane("push", m.admin.Image(), ref))
			continue
		}
		ok(t, m.push(m.alice, ref))
		if m.digest(ref) == "" {
			t.Fatalf("%s is not there", ref)
		}
		m.results.does[opPush] = yes
	}
}

// logsIn logs everybody in who has an account.
func (m *matrix) logsIn(t *testing.T) {
	if m.login == nil {
		return
	}
	for _, p := range []*person{m.alice, m.bob, m.carol, m.former} {
		ok(t, m.login(p))
	}
	m.results.does[opLogin] = yes
}

// lists wants a listing to have the item.
func (m *matrix) lists(t *testing.T, o operation, r stack.Result, item string) {
	t.Helper()
	if got := ok(t, r); !strings.Contains(got, item) {
		t.Errorf("%s of %s prints %q, without %s", o, m.name, got, item)
	}
	m.results.does[o] = yes
}

// mounts copies the image from platform/… to a repository under the prefix and sees
// in the registry's log whether its layers were mounted or sent again.
func (m *matrix) mounts(t *testing.T, p *person, prefix string) {
	t.Helper()
	if m.pull != nil {
		ok(t, m.pull(p, m.ref("platform"))) // some know only from there where they have it from
	}
	ok(t, m.mount(p, m.ref("platform"), m.ref(prefix)))
	if from, to := m.digest(m.ref("platform")), m.digest(m.ref(prefix)); from == "" || from != to {
		t.Errorf("%s was copied from %s and is %s", m.ref("platform"), from, to)
	}
	if m.results.does[opMount] = "sends"; m.w.mounts(t, prefix+"/"+m.id) > 0 {
		m.results.does[opMount] = yes
	}
}

// removes deletes the image, first as somebody who may not.
func (m *matrix) removes(t *testing.T) {
	if m.remove == nil {
		return
	}
	ref := m.ref("public")
	digest := m.digest(ref)
	m.refused(t, deleteDenied, m.remove(m.bob, ref, digest))
	ok(t, m.remove(m.alice, ref, digest))
	if got := m.digest(ref); got != "" {
		t.Errorf("%s is still there: %s", ref, got)
	}
	m.results.does[opRemove] = yes
}

// logsOut forgets what bob typed.
func (m *matrix) logsOut(t *testing.T) {
	if m.logout == nil {
		return
	}
	ok(t, m.logout(m.bob))
	m.refused(t, pullAnonymous, m.fetch(m.bob.as("", ""), m.ref("platform")))
	m.results.does[opLogout] = yes
}
