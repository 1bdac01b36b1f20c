package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/internal/config"
)

// TestPartial loads a configuration with faults: its sound parts come with the error.
func TestPartial(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a", "b"} {
		write(t, filepath.Join(folder, name), "")
	}
	a, b := filepath.Join(folder, "a"), filepath.Join(folder, "b")
	file := filepath.Join(folder, "shorepass.yaml")
	write(t, file, `colour: red
tls: {cert_file: a, key_file: b}
realms:
  - name: one
    signing: {key_file: a, cert_file: b}
    connectors:
      - {name: unknown-key, type: static, config: {file: a}, zone: x}
      - {name: unknown-type, type: statc, config: {file: a}}
      - {name: no-such-file, type: static, config: {file: none}}
      - {name: not-valid, type: static, config: {file: a, htpasswd: b}}
      - {name: sound, type: static, usernames: [admin], config: {file: a}}
      - {name: SHOUTED, type: static, config: {file: a}}
    policy: none.yaml
  - name: two
    services: [x]
    signing: {algorithm: ES512, key_file: a, cert_file: b}
    connectors:
      - {name: sound, type: static, config: {htpasswd: b}}
    policy: {rules: [{name: all, anyone: true, repositories: ["**"], allow: [pull]}]}
`)
	cfg, err := config.Load(file, types())
	if err == nil || cfg == nil {
		t.Fatalf("got %v, %v", cfg, err)
	}
	if want := (config.TLS{CertFile: a, KeyFile: b, At: config.Position{Line: 2, Column: 7}}); cfg.TLS == nil || *cfg.TLS != want {
		t.Errorf("got %+v", cfg.TLS)
	}
	if len(cfg.Realms) != 2 {
		t.Fatalf("got %d realms", len(cfg.Realms))
	}
	wantSigning := config.Signing{KeyFile: a, CertFile: b, At: config.Position{Line: 5, Column: 15}}
	if got := cfg.Realms[0].Signing; got != wantSigning {
		t.Errorf("got %+v", got)
	}
	if got := cfg.Realms[1].Signing; got != (config.Signing{}) {
		t.Errorf("with an unknown algorithm: got %+v", got)
	}
	inA := &static.Config{File: connectors.Path(a)}
	for i, want := range [][]config.Connector{
		{ // those whose config is without a fault, whatever else is wrong with them
			{Name: "unknown-key", Type: "static", Guard: guard.DefaultSettings(), Config: inA, At: config.Position{Line: 7, Column: 10}},
			{Name: "sound", Type: "static", Guard: guard.DefaultSettings(), Usernames: []string{"admin"}, Config: inA, At: config.Position{Line: 11, Column: 10}},
			{Name: "SHOUTED", Type: "static", Guard: guard.DefaultSettings(), Config: inA, At: config.Position{Line: 12, Column: 10}},
		},
		{{Name: "sound", Type: "static", Guard: guard.DefaultSettings(), Config: &static.Config{Htpasswd: connectors.Path(b)}, At: config.Position{Line: 18, Column: 10}}},
	} {
		if got := cfg.Realms[i].Connectors; !reflect.DeepEqual(got, want) {
			t.Errorf("realm %d: got %+v, want %+v", i, got, want)
		}
	}
}

// TestPartialTLS leaves out a TLS section that has a fault of any kind.
func TestPartialTLS(t *testing.T) {
	for _, tls := range []string{
		"{cert_file: shorepass.yaml}", "{cert_file: shorepass.yaml, key_file: none}", "{cert_file: shorepass.yaml, key_file: .}",
		"{cert_file: shorepass.yaml, key_file: shorepass.yaml, zone: x}", "{cert_file: shorepass.yaml, key_file: 5}", "x", "",
	} {
		file := filepath.Join(t.TempDir(), "shorepass.yaml")
		write(t, file, "tls: "+tls+"\n"+realm(""))
		cfg, err := config.Load(file, types())
		if err == nil || cfg == nil || cfg.TLS != nil {
			t.Errorf("%s: got %+v, %v", tls, cfg, err)
		}
	}
}

// TestAuditFileAmongTheKeys reaches the keys' folder by another name.
func TestAuditFileAmongTheKeys(t *testing.T) {
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "data", "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("data", "keys"), filepath.Join(folder, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "shorepass.yaml")
	for audit, want := range map[string]string{
		"elsewhere/team/leaf-key.pem": "is in the folder of the signing keys",
		"data/lock":                   "is the lock of data_dir",
	} {
		write(t, file, "audit: {file: "+audit+"}\n"+realm(""))
		if _, err := config.Load(file, types()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", audit, err, want)
		}
	}
}

// TestAuditFileThroughLinks names files that are read by other names.
func TestAuditFileThroughLinks(t *testing.T) {
	for _, link := range []func(old, link string) error{os.Symlink, os.Link} {
		folder := t.TempDir()
		file, audit := filepath.Join(folder, "shorepass.yaml"), filepath.Join(folder, "audit")
		write(t, file, "audit: {file: audit}\n"+realm(""))
		if err := link(file, audit); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(file, types())
		want := file + ":1:9: audit.file: " + audit + " is this configuration: name a file of its own"
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestNoFileNamed(t *testing.T) {
	cfg, err := config.Load("", types())
	if want := "no configuration is named"; cfg != nil || err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, %v", cfg, err)
	}
}
