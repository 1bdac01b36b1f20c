package config_test

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/shorepass/shorepass/internal/config"
)

// TestLoadKeys wants of the whole configuration the same as Load, but for what it leaves out.
func TestLoadKeys(t *testing.T) {
	whole := load(t, "testdata/good/full.yaml")
	cfg, err := config.LoadKeys("testdata/good/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range cfg.Realms {
		if r.Connectors != nil || r.Policy != nil {
			t.Errorf("%+v has connectors or a policy", r)
		}
		want := whole.Realms[i]
		want.Connectors, want.Policy = nil, nil
		if !reflect.DeepEqual(r, want) {
			t.Errorf("got\n%+v\nwant\n%+v", r, want)
		}
	}
	if cfg.DataDir != whole.DataDir || cfg.AdminSocket != whole.AdminSocket || cfg.PublicURL != whole.PublicURL || cfg.Audit != whole.Audit {
		t.Errorf("got\n%+v\nwant\n%+v", cfg, whole)
	}
}

// TestLoadKeysReadsNothingElse names secrets and files that are not there, and wants faults
// of what is read all the same.
func TestLoadKeysReadsNothingElse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shorepass.yaml")
	const text = `tls: {cert_file: none, key_file: none}
realms:
  - name: one
    services: [a, {name: b, trust: jwks}]
    connectors: [{name: d, type: ldap, config: {url: "ldaps://x", bind_dn: cn=a, bind_password: {file: none}, users: {base_dn: o=a}}}]
    policy: none.yaml
`
	write(t, file, text)
	cfg, err := config.LoadKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cfg.Realms[0].Services, []config.Service{{Name: "a", Trust: "x5c"}, {Name: "b", Trust: "jwks"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("services %+v, want %+v", got, want)
	}
	write(t, file, text+"    token_ttl: 2h\n    zone: x\n")
	const want = ":7:5: token_ttl: want 1m to 1h, got 2h\n"
	if _, err := config.LoadKeys(file); err == nil || err.Error() != file+want+file+":8:5: unknown key \"zone\"; the keys here are name, services, issuer, unicode_usernames, token_ttl, push_token_ttl, signing, connectors, policy" {
		t.Errorf("got %v", err)
	}
}
