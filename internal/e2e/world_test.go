package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// program is the built binary.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "shorepass-e2e-")
	if err == nil {
		program, err = stack.Build("../..", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := sso.close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// example reads a file of an example.
func example(tb testing.TB, name string) string {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}

// replace replaces old by new, which must be there: the examples may change.
func replace(tb testing.TB, text string, pairs ...string) string {
	tb.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			tb.Fatalf("there is no %q in\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// world is a directory, a broker and a registry that trusts it, as
// examples/openldap has them.
type world struct {
	slapd    *slapd.Server
	broker   *stack.Broker
	registry *stack.Registry
}

// service is the registry's service in examples/openldap.
const service = "registry.corp.example"

// newWorld starts a world; without a version there is no registry. edits are pairs
// of texts of shorepass.yaml and what to put in their place.
func newWorld(tb testing.TB, version stack.Version, edits ...string) *world {
	tb.Helper()
	w := &world{slapd: startCorp(tb, example(tb, "openldap/directory.ldif"))}
	w.slapd.Load(tb, strings.ReplaceAll(lockingPolicy(), slapd.Suffix, "dc=corp,dc=example"))
	config, files := w.corpConfig(tb, edits...)
	w.broker = stack.StartBroker(tb, program, config, files)
	if version != "" {
		w.registry = stack.StartRegistry(tb, w.broker, version)
	}
	return w
}

// startCorp starts a directory that also has dc=corp,dc=example and
// dc=demo,dc=example, the suffixes of the examples, with the entries of ldif. Of the former
// it locks accounts, where there is a policy.
func startCorp(tb testing.TB, ldif string) *slapd.Server {
	tb.Helper()
	var databases strings.Builder
	for _, name := range []string{"demo", "corp"} {
		databases.WriteString(slapd.Database("dc="+name+",dc=example", tb.TempDir()))
	}
	databases.WriteString("overlay ppolicy\nppolicy_default cn=lockout,dc=corp,dc=example\n") // of the last
	return slapd.Start(tb, slapd.Options{Config: databases.String(), LDIF: ldif})
}

// corpConfig is examples/openldap with the addresses of this world.
func (w *world) corpConfig(tb testing.TB, edits ...string) (config string, files map[string]string) {
	tb.Helper()
	pairs := append([]string{
		"0.0.0.0:5001", "{{listen}}",
		"localhost:5002", "{{monitor}}",
		"https://login.corp.example", "http://{{listen}}",
		"ldap://ldap.corp.example:389", w.slapd.URL,
		"corp-ca.pem", w.slapd.CAFile,
	}, edits...)
	files = map[string]string{"ldap-password": "service-password\n"}
	for _, name := range []string{"policy.yaml", "users.yaml"} {
		files[name] = example(tb, "openldap/"+name)
	}
	return replace(tb, example(tb, "openldap/shorepass.yaml"), pairs...), files
}

// client is a person who has not logged in yet.
func (w *world) client(tb testing.TB) *stack.Client {
	tb.Helper()
	return stack.NewClient(tb, w.registry)
}
