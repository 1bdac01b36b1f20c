package bench_test

import (
	_ "embed" // for the configuration
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

//go:embed testdata/shorepass.yaml
var configuration string

//go:embed testdata/policy.yaml
var policies string

//go:embed testdata/directory.ldif
var people string

// password is everybody's.
const password = "worker-password"

// crowd is people who take turns: so many that no two logins of one of them are under way at
// once, which would be one for both.
func crowd() who { return who{name: "worker#", people: 4 * connections, password: password} }

// tree is the directory, with worker and some more people in it, whose password it keeps so.
func tree(more who, kept string) string {
	var entries, members strings.Builder
	for _, name := range more.names() {
		dn := "uid=" + name + "," + slapd.People
		fmt.Fprintf(&entries, "dn: %s\nobjectClass: inetOrgPerson\nuid: %s\ncn: Worker\nsn: Worker\nuserPassword: %s\n\n", dn, name, kept)
		fmt.Fprintf(&members, "member: %s\n", dn)
	}
	return strings.NewReplacer("{{crowd}}\n", entries.String(), "{{members}}\n", members.String()).Replace(people)
}

// beforePath names the environment variable with the path of another build of the
// broker: each path is then measured beside that too, which tells what a change did.
const beforePath = "SHOREPASS_BENCH_BEFORE"

// world is a directory and a broker that asks it.
type world struct {
	slapd  *slapd.Server
	broker *program
	before *program          // another build of the broker; nil where none is named
	hashes map[string]string // of worker's password, by algorithm
}

// newWorld starts a world. There is a realm for each way of signing in, with a service
// of the same name.
func newWorld(b *testing.B) *world {
	b.Helper()
	programs.build(b)
	w := &world{
		slapd:  slapd.Start(b, slapd.Options{NoTLS: true, Quiet: true, LDIF: tree(crowd(), password)}),
		hashes: map[string]string{},
	}
	config := strings.ReplaceAll(configuration, "{{ldap}}", w.slapd.URL)
	files := map[string]string{"policy.yaml": policies}
	for _, a := range []static.Algorithm{static.Argon2id, static.Bcrypt} {
		hash, err := static.Hash(connectors.NewSecret(password), a)
		if err != nil {
			b.Fatal(err)
		}
		w.hashes[string(a)] = hash
		files[string(a)+".yaml"] = users(hash)
	}
	w.start(b, config, files)
	return w
}

// users is a file of worker and the crowd, who all have one hash.
func users(hash string) string {
	text := "users:\n"
	for _, name := range append(crowd().names(), "worker") {
		text += fmt.Sprintf("  - {username: %s, password_hash: %q, groups: [builders]}\n", name, hash)
	}
	return text
}

// start starts the brokers.
func (w *world) start(b *testing.B, config string, files map[string]string) {
	b.Helper()
	start := func(path string) *program {
		broker := stack.StartBroker(b, path, config, files)
		return &program{broker.PID(), broker.Addr}
	}
	w.broker = start(programs.broker)
	if path := os.Getenv(beforePath); path != "" {
		w.before = start(path)
	}
}

// floor starts a floor that asks the directory of the world, for groups as often as
// said.
func (w *world) floor(b *testing.B, groupSearches int, more ...string) *program {
	b.Helper()
	return startFloor(b, append(more, "-ldap", w.slapd.URL, "-bind-dn", slapd.ServiceDN, "-bind-password", slapd.ServicePassword,
		"-people", slapd.People, "-groups", slapd.Groups, "-group-searches", fmt.Sprint(groupSearches))...)
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func writeFile(tb testing.TB, path, content string) {
	tb.Helper()
	must(tb, os.WriteFile(path, []byte(content), 0o600))
}
