package config_test

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/policy"
)

// TestWarnings loads testdata/warn/NAME.yaml, which has exactly the warnings of
// NAME.txt.
func TestWarnings(t *testing.T) {
	const folder = "testdata/warn"
	files, err := filepath.Glob(folder + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if name == "users" {
			continue // what another file names
		}
		t.Run(name, func(t *testing.T) {
			cfg, err := config.Load(file, types())
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, w := range cfg.Warnings() {
				lines = append(lines, w.String())
			}
			if len(lines) == 0 {
				t.Fatal("no warnings")
			}
			golden(t, folder+"/"+name+".txt", anonymize(t, strings.Join(lines, "\n"), folder))
		})
	}
}

// TestFaultsAreNotWarnedOf holds that a range which cannot be read is not taken for that of
// every address.
func TestFaultsAreNotWarnedOf(t *testing.T) {
	cfg, err := config.Load("testdata/bad/trusted-proxies.yaml", types())
	if err == nil {
		t.Fatal("loaded")
	}
	if w := cfg.Warnings(); len(w) != 0 {
		t.Errorf("warnings: %v", w)
	}
}

// TestPolicyOfTheRealm checks that the compiled policy is that of the realm's rules.
func TestPolicyOfTheRealm(t *testing.T) {
	p := load(t, "testdata/good/full.yaml").Realms[0].Policy
	scope, err := policy.ParseScope("repository:platform/app:push,delete")
	if err != nil {
		t.Fatal(err)
	}
	alice := policy.Subject{User: "local:alice", Service: "v3.corp.example", Addr: netip.MustParseAddr("10.1.2.3"), Ceiling: policy.Unlimited()}
	access := p.Decide(alice, []policy.Scope{scope}).Access
	if len(access) != 1 || access[0].Name != "platform/app" || !slices.Equal(access[0].Actions, []string{"push"}) {
		t.Errorf("got %+v", access)
	}
}

// TestGroupsAreComposed holds that a rule is about a group however its letters are
// written.
func TestGroupsAreComposed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shorepass.yaml")
	write(t, file, `
realms:
  - name: team
    services: [registry.example]
    connectors:
      - {name: directory, type: ldap, config: {url: "ldaps://ldap.example", bind_dn: "cn=a,dc=b", bind_password: secret, users: {base_dn: "dc=b"}, groups: {base_dn: "dc=b"}}}
    policy:
      rules:
        - {name: all, authenticated: true, repositories: ["**"], allow: [pull]}
        - {name: freeze, groups: ["directory:cafe\u0301", "directory:re\u0301*"], repositories: ["**"], deny: [pull]}
`)
	cfg, err := config.Load(file, types())
	if err != nil {
		t.Fatal(err)
	}
	scope, err := policy.ParseScope("repository:a:pull")
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range []string{"caf\u00e9", "cafe\u0301", "r\u00e9gie", "re\u0301gie"} {
		id := connectors.Identity{Connector: "directory", Username: "alice", Groups: []string{group}, Ceiling: connectors.Unlimited()}
		if access := cfg.Realms[0].Policy.Decide(broker.Subject(&id, "registry.example", netip.Addr{}), []policy.Scope{scope}).Access; len(access) != 0 {
			t.Errorf("%+q: %+v was granted", group, access)
		}
	}
}
