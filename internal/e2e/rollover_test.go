package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// trusting is a registry and how it takes tokens at some point of a rotation.
type trusting struct {
	name     string
	registry *stack.Registry
	takes    bool
}

// wantTaken asks each registry for what is not there, with a token of the broker's.
func wantTaken(t *testing.T, when, raw string, registries ...trusting) {
	t.Helper()
	for _, r := range registries {
		want := http.StatusUnauthorized
		if r.takes {
			want = http.StatusNotFound
		}
		if got := manifest(t, r.registry, "web/app", raw); got != want {
			t.Errorf("%s, %s: status %d, want %d", when, r.name, got, want)
		}
	}
}

// TestPublishedKeyRotates replaces the key of a service with trust jwks under real
// registries: one that was never restarted, and one that was between the two steps.
func TestPublishedKeyRotates(t *testing.T) {
	for _, algorithm := range token.Algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			b := jwksBroker(t, "algorithm: ES256", "algorithm: "+algorithm)
			form := stack.Form{For: "v3-jwks", Format: "yaml"}
			ask := func() string {
				return b.Token(t, "bob", "bob-password", withJWKS, "repository:web/app:pull").Token
			}
			never := stack.StartRegistryAs(t, b, form, "--service", withJWKS)
			old := ask()
			wantTaken(t, "at first", old, trusting{"the registry", never, true})
			wantTaken(t, "at first", b.Token(t, "bob", "bob-password", withX5C, "repository:web/app:pull").Token, trusting{"a token with a certificate", never, false})

			ok(t, b.Command(t, "", "keys", "rotate", "--trust", "x5c"))
			ok(t, b.Command(t, "", "keys", "rotate", "--trust", "jwks"))
			if r := b.Command(t, "", "keys", "activate"); r.Code != 1 || !strings.Contains(r.Stderr, "--force") {
				t.Errorf("activating at once exits %d: %s", r.Code, r.Text())
			}
			restarted := stack.StartRegistryAs(t, b, form, "--service", withJWKS)
			wantTaken(t, "published", ask(), trusting{"never restarted", never, true}, trusting{"restarted", restarted, true})

			ok(t, b.Command(t, "", "keys", "activate", "--force"))
			late := stack.StartRegistryAs(t, b, form, "--service", withJWKS)
			for range 2 {
				fresh := ask()
				if header(fresh) == header(old) {
					t.Error("the old key signs")
				}
				wantTaken(t, "activated", fresh, trusting{"never restarted", never, false}, trusting{"restarted", restarted, true}, trusting{"restarted late", late, true})
				wantTaken(t, "activated, old token", old, trusting{"never restarted", never, true}, trusting{"restarted", restarted, true}, trusting{"restarted late", late, true})
				b.Restart(t)
			}
			usable(t, restarted)
		})
	}
}

// TestCARollsOver replaces the CA under real registries of both versions.
func TestCARollsOver(t *testing.T) {
	for _, version := range []string{"v2", "v3"} {
		t.Run(version, func(t *testing.T) {
			b := jwksBroker(t)
			start := func() *stack.Registry {
				return stack.StartRegistryAs(t, b, stack.Form{For: version, Format: "yaml"}, "--service", withX5C)
			}
			ask := func() string {
				return b.Token(t, "bob", "bob-password", withX5C, "repository:web/app:pull").Token
			}
			never := start()
			old := ask()
			ok(t, b.Command(t, "", "keys", "rollover-ca", "start"))
			if r := b.Command(t, "", "keys", "rollover-ca", "activate"); r.Code != 1 || !strings.Contains(r.Stderr, "--force") {
				t.Errorf("activating at once exits %d: %s", r.Code, r.Text())
			}
			both := start()
			wantTaken(t, "published", ask(), trusting{"never restarted", never, true}, trusting{"with both", both, true})

			ok(t, b.Command(t, "", "keys", "rollover-ca", "activate", "--force"))
			b.Restart(t)
			wantTaken(t, "activated", ask(), trusting{"never restarted", never, false}, trusting{"with both", both, true})
			wantTaken(t, "activated, old token", old, trusting{"never restarted", never, true}, trusting{"with both", both, true})
			ok(t, b.Command(t, "", "keys", "rotate", "--trust", "x5c"))
			wantTaken(t, "rotated", ask(), trusting{"with both", both, true})
			if r := b.Command(t, "", "keys", "rollover-ca", "finish"); r.Code != 1 || !strings.Contains(r.Stderr, "may be alive until") {
				t.Errorf("finishing at once exits %d: %s", r.Code, r.Text())
			}

			ok(t, b.Command(t, "", "keys", "rollover-ca", "finish", "--force"))
			b.Restart(t)
			alone := start()
			wantTaken(t, "finished", ask(), trusting{"with both", both, true}, trusting{"with the new one alone", alone, true})
			wantTaken(t, "finished, old token", old, trusting{"with both", both, true}, trusting{"with the new one alone", alone, false})
			usable(t, both)
		})
	}
}

// leavesMadeAt makes the leaves of realms that are named after their algorithms as they would
// have been made then; CAs are made with the first.
func leavesMadeAt(t *testing.T, b *stack.Broker, at time.Time) {
	t.Helper()
	for _, a := range token.Algorithms() {
		realm := strings.ToLower(a)
		dir := filepath.Join(b.Dir, "data", "keys", realm)
		if err := os.RemoveAll(filepath.Join(dir, "leaf-key.pem")); err != nil {
			t.Fatal(err)
		}
		if _, err := token.Open(token.Config{Dir: dir, Realm: realm, Algorithm: a, Now: func() time.Time { return at }}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKeysRotateByThemselves has leaves turn thirty days old a few seconds after the program
// has started, one realm for each algorithm: new ones sign from then on, registries that are
// never restarted take both, and the acts are in the audit log. The keys of services with
// trust jwks stay.
func TestKeysRotateByThemselves(t *testing.T) {
	_, realm, _ := strings.Cut(example(t, "jwks/shorepass.yaml"), "\nrealms:\n")
	config := "listen: '{{listen}}'\nmonitor: '{{monitor}}'\npublic_url: http://{{listen}}\nrealms:\n"
	lower := strings.ToLower
	for _, a := range token.Algorithms() {
		config += replace(t, realm, "name: corp", "name: "+lower(a), "algorithm: ES256", "algorithm: "+a, withX5C, a+"."+withX5C, withJWKS, a+"."+withJWKS)
	}
	b := stack.NewBroker(t, program, config, map[string]string{"users.yaml": example(t, "jwks/users.yaml")})
	leavesMadeAt(t, b, time.Now().AddDate(0, 0, -30).Add(time.Hour)) // the CAs are that old, too
	b.Serve(t)
	ask := func(service string) string {
		return b.Token(t, "bob", "bob-password", service, "repository:web/app:pull").Token
	}
	registries := map[string][]trusting{}
	for _, a := range token.Algorithms() {
		for _, kind := range []struct{ service, registry string }{{withX5C, "v2"}, {withX5C, "v3"}, {withJWKS, "v3-jwks"}} {
			service := a + "." + kind.service
			if kind.registry == "v2" && a == token.EdDSA {
				continue
			}
			r := stack.StartRegistryAs(t, b, stack.Form{For: kind.registry, Format: "yaml"}, "--realm", lower(a), "--service", service)
			registries[service] = append(registries[service], trusting{kind.registry, r, true})
		}
	}
	if err := b.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.Wait(t, 20*time.Second)
	due := time.Now().Add(30 * time.Second) // until then there are new keys, and they have signed
	leavesMadeAt(t, b, due.AddDate(0, 0, -30))
	b.Serve(t)
	old := map[string]string{}
	for service := range registries {
		old[service] = ask(service)
	}
	for _, a := range token.Algorithms() {
		service := a + "." + withX5C
		for deadline := due.Add(40 * time.Second); header(ask(service)) == header(old[service]); time.Sleep(500 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the leaf is past its thirty days and still signs")
			}
		}
	}
	for service, raw := range old {
		wantTaken(t, service+", old token", raw, registries[service]...)
		wantTaken(t, service+", fresh token", ask(service), registries[service]...)
		if stays := strings.HasSuffix(service, withJWKS); stays != (header(ask(service)) == header(raw)) {
			t.Errorf("%s: the key stays: %v, want %v", service, !stays, stays)
		}
	}
	acts := map[string]int{}
	for _, e := range b.Audit(t) {
		acts[e.Act]++
	}
	if acts["rotate-keys"] != 4 {
		t.Errorf("%d rotations are in the audit log, want four", acts["rotate-keys"])
	}
	if list := b.Command(t, "", "keys", "list", "--realm", "es384").Stdout; strings.Count(list, "retired") != 1 {
		t.Errorf("keys list prints\n%s", list)
	}
}

// TestPrivateKeysAreTheirOwners looks at the files of every kind of key.
func TestPrivateKeysAreTheirOwners(t *testing.T) {
	b := jwksBroker(t)
	ok(t, b.Command(t, "", "keys", "rotate", "--trust", "jwks"))
	ok(t, b.Command(t, "", "keys", "rollover-ca", "start"))
	files, err := filepath.Glob(filepath.Join(b.Dir, "data", "keys", "corp", "*"))
	if err != nil || len(files) != 5 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: mode %v, %v", f, info.Mode(), err)
		}
	}
}
