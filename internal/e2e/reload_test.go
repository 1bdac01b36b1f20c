package e2e_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestReloadTakesUp changes one file after the other, and holds that each counts from the
// next request after SIGHUP on, and not before.
func TestReloadTakesUp(t *testing.T) {
	t.Parallel()
	w := newReloading(t)
	b := w.broker
	want := func(t *testing.T, what, name, password, service string, status int) {
		t.Helper()
		if a := b.Token(t, name, password, service); a.Status != status {
			t.Errorf("%s: status %d, want %d: %s", what, a.Status, status, a.Body)
		}
	}

	t.Run("a policy", func(t *testing.T) {
		granted := func() int {
			return len(b.Token(t, "alice", "alice-password", service, "repository:new/app:pull").Claims(t).Access)
		}
		if n := granted(); n != 0 {
			t.Errorf("%d scopes granted before there is a rule", n)
		}
		write(t, b, "policy.yaml", read(t, b, "policy.yaml")+"\n  - {name: new, authenticated: true, repositories: [new/**], allow: [pull]}\n")
		if n := granted(); n != 0 {
			t.Errorf("%d scopes granted before SIGHUP", n)
		}
		reload(t, b, reloaded)
		if n := granted(); n != 1 {
			t.Errorf("%d scopes granted after SIGHUP, want 1", n)
		}
	})

	t.Run("users", func(t *testing.T) {
		want(t, "before", "dora", "dora-password", service, http.StatusUnauthorized)
		before := read(t, b, "users.yaml")
		write(t, b, "users.yaml", before+userLine(t, "dora", "dora-password"))
		want(t, "before SIGHUP", "dora", "dora-password", service, http.StatusUnauthorized)
		reload(t, b, reloaded)
		want(t, "after SIGHUP", "dora", "dora-password", service, http.StatusOK)

		write(t, b, "users.yaml", before+userLine(t, "dora", "another"))
		reload(t, b, reloaded)
		want(t, "with the former password", "dora", "dora-password", service, http.StatusUnauthorized)
		want(t, "with the new one", "dora", "another", service, http.StatusOK)
		write(t, b, "users.yaml", before+userLine(t, "dora", "dora-password"))
		reload(t, b, reloaded)
		want(t, "with one that is known to be wrong", "dora", "dora-password", service, http.StatusUnauthorized)
		ok(t, b.Command(t, "", "lockouts", "clear", "--user", "dora"))
		want(t, "when that is forgotten", "dora", "dora-password", service, http.StatusOK)
	})

	t.Run("a password of the directory's", func(t *testing.T) {
		w.slapd.Modify(t, "dn: cn=shorepass,ou=services,dc=corp,dc=example\nchangetype: modify\nreplace: userPassword\nuserPassword: another\n")
		reload(t, b, reloaded) // new connections have to log in anew, with the old one
		want(t, "with the old password", "bob", "bob-password", service, http.StatusServiceUnavailable)
		write(t, b, "ldap-password", "another\n")
		reload(t, b, reloaded)
		want(t, "with the new password", "bob", "bob-password", service, http.StatusOK)
	})

	t.Run("a realm", func(t *testing.T) {
		const lab = "registry.lab.example"
		before := read(t, b, "shorepass.yaml")
		want(t, "before", "breakglass", "breakglass-password", lab, http.StatusBadRequest)
		write(t, b, "shorepass.yaml", before+`
  - name: lab
    services: [`+lab+`]
    connectors: [{name: local, type: static, config: {file: users.yaml}}]
    policy: {rules: [{name: a, anyone: true, repositories: [a], allow: [pull]}]}
`)
		reload(t, b, reloaded)
		want(t, "added", "breakglass", "breakglass-password", lab, http.StatusOK)
		ok(t, b.Command(t, "", "keys", "rotate", "--realm", "lab"))
		keys := ok(t, b.Command(t, "", "keys", "list", "--realm", "lab"))
		write(t, b, "shorepass.yaml", before)
		reload(t, b, reloaded)
		want(t, "removed", "breakglass", "breakglass-password", lab, http.StatusBadRequest)
		write(t, b, "shorepass.yaml", before+`
  - name: lab
    services: [`+lab+`]
    policy: {rules: [{name: a, anyone: true, repositories: [a], allow: [pull]}]}
`)
		reload(t, b, reloaded)
		if again := ok(t, b.Command(t, "", "keys", "list", "--realm", "lab")); again != keys {
			t.Errorf("the realm had the keys\n%s\nand has now\n%s", keys, again)
		}
		write(t, b, "shorepass.yaml", before)
		reload(t, b, reloaded)
	})

	t.Run("nothing, where something is wrong", func(t *testing.T) {
		before := read(t, b, "policy.yaml")
		write(t, b, "policy.yaml", strings.Replace(before, "new/**", "other/**", 1)+"\n  - {nmae: x}\n")
		reload(t, b, notReloaded)
		if a := b.Token(t, "alice", "alice-password", service, "repository:new/app:pull").Claims(t).Access; len(a) != 1 {
			t.Errorf("granted %v, want what was granted before", a)
		}
		if a := b.Audit(t); a[len(a)-2].Act != "reload" || a[len(a)-2].Outcome != "conflict" || a[len(a)-2].Reason != "bad-configuration" {
			t.Errorf("the audit log has %+v", a[len(a)-2])
		}
		if log := b.Output.String(); !strings.Contains(log, `policy.yaml:`) || !strings.Contains(log, `unknown key \"nmae\"`) {
			t.Error("the log does not say what is wrong")
		}
		write(t, b, "policy.yaml", before)
	})
}

// TestReloadKeepsUses holds that a reload loses nothing of when tokens were used.
func TestReloadKeepsUses(t *testing.T) {
	t.Parallel()
	w := newReloading(t)
	token := w.broker.AccessToken(t, "--owner", "local:breakglass", "--name", "ci", "--scope", "repository:**:pull")
	if a := w.broker.Token(t, "breakglass", token, service); a.Status != http.StatusOK {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	used := func() bool {
		return strings.Contains(ok(t, w.broker.Command(t, "", "token", "show", stack.PublicID(token), "--json")), `"last_used"`)
	}
	if used() {
		t.Fatal("it is written down at once: the test shows nothing")
	}
	reload(t, w.broker, reloaded)
	restarted(t, w.broker) // which writes it down at once
	if !used() {
		t.Error("it is lost")
	}
}

// TestReloadOpensTheDatabase has a realm take access tokens that took none, and none again.
func TestReloadOpensTheDatabase(t *testing.T) {
	t.Parallel()
	b := stack.StartBroker(t, program, replace(t, example(t, "small-team/shorepass.yaml"), "realms:\n", "listen: '{{listen}}'\nmonitor: '{{monitor}}'\nrealms:\n"), map[string]string{"users.yaml": example(t, "small-team/users.yaml")})
	before := read(t, b, "shorepass.yaml")
	create := []string{"token", "create", "--owner", "local:alice", "--name", "ci", "--scope", "repository:**:pull"}
	if r := b.Command(t, "", create...); r.Code != 1 {
		t.Errorf("without a connector for them: %s", r.Text())
	}
	write(t, b, "shorepass.yaml", replace(t, before, "    connectors:\n", tokensConnector))
	reload(t, b, reloaded)
	token := b.AccessToken(t, create[2:]...)
	login := func(want int) {
		t.Helper()
		if a := b.Token(t, "alice", token, ""); a.Status != want {
			t.Errorf("status %d, want %d: %s", a.Status, want, a.Body)
		}
	}
	login(http.StatusOK)
	write(t, b, "shorepass.yaml", before)
	reload(t, b, reloaded)
	login(http.StatusUnauthorized)
	write(t, b, "shorepass.yaml", replace(t, before, "    connectors:\n", tokensConnector))
	reload(t, b, reloaded)
	login(http.StatusOK)
}

// TestReloadChangesTheCertificate has the configuration name another certificate.
func TestReloadChangesTheCertificate(t *testing.T) {
	t.Parallel()
	pair := func() map[string]string {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return selfSigned(t, key, key.Public())
	}
	config := "tls: {cert_file: cert.pem, key_file: key.pem}\n" + replace(t, anonymousConfig, "http://", "https://")
	b := stack.StartBroker(t, program, config, pair())
	shown := func() []byte {
		t.Helper()
		c, err := tls.Dial("tcp", b.Addr, insecure())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Raw
	}
	before, other := shown(), pair()
	write(t, b, "other.pem", other["cert.pem"])
	write(t, b, "other-key.pem", other["key.pem"])
	good := read(t, b, "shorepass.yaml")
	write(t, b, "shorepass.yaml", replace(t, good, "cert.pem", "other.pem")) // with the key of another
	reload(t, b, notReloaded)
	if !bytes.Equal(shown(), before) {
		t.Error("a certificate without its key was taken up")
	}
	write(t, b, "shorepass.yaml", replace(t, good, "cert.pem", "other.pem", "key.pem", "other-key.pem"))
	reload(t, b, reloaded)
	if bytes.Equal(shown(), before) {
		t.Error("the other certificate was not taken up")
	}
	write(t, b, "shorepass.yaml", strings.Replace(strings.Replace(good, "tls: {cert_file: cert.pem, key_file: key.pem}\n", "", 1), "https://", "http://", 1))
	reload(t, b, notReloaded)
	if bytes.Equal(shown(), before) {
		t.Error("TLS ended, or its certificate is the former one")
	}
}

// TestReloadNeedsRestart holds that keys of the process keep a configuration from being taken
// up, all of it, and that the log names each.
func TestReloadNeedsRestart(t *testing.T) {
	t.Parallel()
	b := stack.StartBroker(t, program, anonymousConfig, nil)
	good := read(t, b, "shorepass.yaml")
	more := func(lines string) []string {
		return []string{"data_dir:", lines + "data_dir:", "public/**", "other/**"}
	}
	for _, tt := range []struct {
		keys  string
		edits []string
	}{
		{"listen", []string{`listen: "` + b.Addr, `listen: "` + stack.FreeAddr(t)}},
		{"monitor", []string{"monitor: \"", "monitor: \"127.0.0.1:1\" #"}},
		{"admin_socket", more("admin_socket: other.sock\n")},
		{"data_dir", []string{"./data", "./other"}},
		{"log.format", more("log: {format: json}\n")},
		{"audit.file", more("audit: {file: other.jsonl}\n")},
		{"audit.stdout", more("audit: {stdout: true}\n")},
		{"audit.sync", more("audit: {sync: always}\n")},
		{"trusted_proxies", more("trusted_proxies: [192.0.2.1]\n")},
		{"limits.requests", more("limits: {requests: {at_once: 7}}\n")},
		{"limits.connections", more("limits: {connections: 7}\n")},
		{"limits.failed_logins", more("limits: {failed_logins: {overall: {burst: 7, per: 1m}}}\n")},
		{"log.format, trusted_proxies, limits.connections", more("log: {format: json}\ntrusted_proxies: [192.0.2.1]\nlimits: {connections: 7}\n")},
	} {
		t.Run(tt.keys, func(t *testing.T) {
			write(t, b, "shorepass.yaml", replace(t, good, tt.edits...))
			reload(t, b, notReloaded)
			said := b.Output.String()
			if last := said[strings.LastIndex(said, notReloaded):]; !strings.HasSuffix(last, ` error="`+tt.keys+": a change needs a restart\"\n") {
				t.Errorf("the log has %s", last)
			}
			if a := b.Token(t, "", "", "registry.corp", "repository:public/app:pull"); len(a.Claims(t).Access) != 1 {
				t.Errorf("status %d: %s", a.Status, a.Body)
			}
		})
	}
	write(t, b, "shorepass.yaml", replace(t, good, "public_url: \"http://", "public_url: \"http://www.", "data_dir:", "log: {level: debug}\ndata_dir:"))
	reload(t, b, reloaded)
	b.Token(t, "", "", "registry.corp")
	if !strings.Contains(b.Output.String(), "level=DEBUG msg=request") {
		t.Error("the level of the log was not taken up")
	}
}

// TestStopAfterReload ends the program while it reads its configuration.
func TestStopAfterReload(t *testing.T) {
	t.Parallel()
	for _, stop := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(stop.String(), func(t *testing.T) {
			t.Parallel()
			w := newReloading(t)
			for _, s := range []syscall.Signal{syscall.SIGHUP, stop, syscall.SIGHUP} {
				if err := w.broker.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			if code := w.broker.Wait(t, 30*time.Second); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}
