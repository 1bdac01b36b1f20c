package config_test

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
