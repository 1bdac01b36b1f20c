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
		slapd:  slapd.Start(b, slapd.Options{NoTLS: true, Quiet: true, LDIF: people}),
		hashes: map[string]string{},
	}
	config := strings.ReplaceAll(configuration, "{{ldap}}", w.slapd.URL)
	files := map[string]string{"policy.yaml": policies}
	for _, a := range []static.Algorithm{static.Argon2id, static.Bcrypt} {
		hash, err := static.Hash(connectors.NewSecret("worker-password"), a)
		if err != nil {
			b.Fatal(err)
		}
		w.hashes[string(a)] = hash
		files[string(a)+".yaml"] = fmt.Sprintf("users: [{username: worker, password_hash: %q, groups: [builders]}]\n", hash)
	}
	w.start(b, config, files)
	return w
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
func (w *world) floor(b *testing.B, groupSearches int) *program {
	b.Helper()
	return startFloor(b, "-ldap", w.slapd.URL, "-bind-dn", slapd.ServiceDN, "-bind-password", slapd.ServicePassword,
		"-people", slapd.People, "-groups", slapd.Groups, "-group-searches", fmt.Sprint(groupSearches))
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
