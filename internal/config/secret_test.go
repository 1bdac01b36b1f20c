package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/config"
)

// TestSecretsAreNotShown puts a canary in every wrong form where a secret belongs, in
// a connector of every type that has one: no error and no warning shows it.
func TestSecretsAreNotShown(t *testing.T) {
	const canary = "c4nary-passw0rd"
	file := filepath.Join(t.TempDir(), "shorepass.yaml")
	for _, kind := range []struct{ config, key string }{
		{"type: desk\n        config:\n          url: desk://a", "password"},
		{"type: ldap\n        config:\n          url: ldaps://a\n          bind_dn: cn=a\n          users: {base_dn: dc=a}", "bind_password"},
	} {
		for _, form := range []string{
			"KEY: CANARY\n          KEY: CANARY", "KEY:CANARY", "KEY CANARY", "KEY=CANARY", "KEY: CANARY: x", "KEY: x: CANARY", "KEY: *CANARY", "KEY: &CANARY", "KEY: !CANARY",
			"KEY: @CANARY", "KEY: `CANARY", "KEY: %CANARY", "KEY: |CANARY", "KEY: >CANARY", "KEY: 'CANARY", "KEY: \"CANARY", "KEY: \"CANARY\" CANARY", "KEY: \"\\CANARY\"", "KEY: [CANARY]",
			"KEY: [CANARY", "KEY: {CANARY}", "KEY: {CANARY: CANARY}", "KEY: {value: CANARY}", "KEY: {CANARY:CANARY}", "KEY: {file: CANARY}", "KEY: {env: CANARY}", "KEY: {file: CANARY, env: CANARY}",
			"KEY: {file: [CANARY]}", "KEY: {env: {CANARY: CANARY}}", "KEY: {env: CANARY", "KEY: - CANARY", "KEY:\n            - CANARY", "KEY:\n            CANARY: CANARY", "KEY: ? CANARY",
			"KEY: <<: CANARY", "KEY: {<<: CANARY}", "KEY:\n          CANARY", "KEY: CANARY\tCANARY", "KEY: CANARY\n            CANARY # CANARY\n            CANARY", "KEYY: CANARY", "KE: {CANARY: CANARY}",
			"KEY: CANARY\x00", "KEY: CANARY\xff", "KEY: CANARY\n---\nCANARY: CANARY", "KEY: 5\n          CANARY", "KEY: |\n            CANARY\n\t    CANARY",
		} {
			src := strings.NewReplacer("KEY", kind.key, "CANARY", canary).Replace(
				"realms:\n  - name: a\n    services: [b]\n    connectors:\n      - name: c\n        " + kind.config + "\n          " + form + "\n    policy: none.yaml\n")
			write(t, file, src)
			_, err := config.Load(file, types())
			if err == nil {
				t.Errorf("%q loads", form)
				continue
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("%q: %v", form, err)
			}
		}
	}
}
