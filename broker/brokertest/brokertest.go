package brokertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/internal/audit"
	"github.com/shorepass/shorepass/internal/strictyaml"
	"github.com/shorepass/shorepass/policy"
)

// Realm is one realm of the broker. Its connector "local" has alice of the group
// platform, bob of the group readers, and carol, who is disabled; each one's password
// is the name and "-pw".
type Realm struct {
	Name     string
	Services []string
	Policy   string              // the rules, as a policy file has them
	More     []connectors.Member // asked after local
}

// Fixture is a broker and what belongs to it.
type Fixture struct {
	Broker  *broker.Broker
	Rings   map[string]*token.Ring
	Auditor broker.Auditor
	Log     *bytes.Buffer // what the broker logged
	audit   string
}

// New makes a broker of the realms. auditPath may be empty: a file of the test's.
func New(tb testing.TB, auditPath string, realms ...Realm) *Fixture {
	tb.Helper()
	dir := tb.TempDir()
	if auditPath == "" {
		auditPath = filepath.Join(dir, "audit.jsonl")
	}
	f := &Fixture{Rings: map[string]*token.Ring{}, Log: new(bytes.Buffer), audit: auditPath}
	logger := slog.New(slog.NewTextHandler(f.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	log, err := audit.Open(auditPath, time.Second, logger)
	must(tb, err)
	tb.Cleanup(func() { _ = log.Close() })
	f.Auditor = log

	var made []broker.Realm
	for _, r := range realms {
		ring, err := token.Open(token.Config{Dir: filepath.Join(dir, "keys", r.Name), Realm: r.Name, Algorithm: "ES256", Logger: logger})
		must(tb, err)
		f.Rings[r.Name] = ring
		made = append(made, broker.Realm{
			Name: r.Name, Services: r.Services, Issuer: "https://broker.example/realms/" + r.Name,
			TokenTTL: 5 * time.Minute, PushTokenTTL: 15 * time.Minute,
			Connectors: connectors.NewChain(connectors.ASCIIUsernames, append([]connectors.Member{Local(tb)}, r.More...)...),
			Policy:     Compile(tb, r), Signer: ring,
		})
	}
	f.Broker, err = broker.New(made, log, logger)
	must(tb, err)
	return f
}

// Entries reads the audit log.
func (f *Fixture) Entries(tb testing.TB) []broker.Entry {
	tb.Helper()
	content, err := os.ReadFile(f.audit)
	must(tb, err)
	var entries []broker.Entry
	for s := bufio.NewScanner(bytes.NewReader(content)); s.Scan(); {
		var e broker.Entry
		must(tb, json.Unmarshal(s.Bytes(), &e))
		entries = append(entries, e)
	}
	return entries
}

// Last returns the newest entry of the audit log.
func (f *Fixture) Last(tb testing.TB) broker.Entry {
	tb.Helper()
	content, err := os.ReadFile(f.audit)
	must(tb, err)
	content = bytes.TrimSuffix(content, []byte("\n"))
	var e broker.Entry
	must(tb, json.Unmarshal(content[bytes.LastIndexByte(content, '\n')+1:], &e))
	return e
}

// Local is the static connector of every realm.
func Local(tb testing.TB) connectors.Member {
	tb.Helper()
	dir := tb.TempDir()
	var users strings.Builder
	users.WriteString("users:\n")
	for _, u := range []struct{ name, more string }{
		{"alice", "groups: [platform]"}, {"bob", "groups: [readers]"}, {"carol", "disabled: true"},
	} {
		hash, err := bcrypt.GenerateFromPassword([]byte(u.name+"-pw"), bcrypt.MinCost)
		must(tb, err)
		fmt.Fprintf(&users, "  - {username: %s, password_hash: %q, %s}\n", u.name, hash, u.more)
	}
	path := filepath.Join(dir, "users.yaml")
	must(tb, os.WriteFile(path, []byte(users.String()), 0o600))
	d, err := static.New(&static.Config{File: connectors.Path(path)}, connectors.Deps{Name: "local"}, static.NewBound())
	must(tb, err)
	return connectors.Member{Name: "local", Connector: guard.Password(d, guard.Config{})}
}

// Compile compiles the rules of a realm.
func Compile(tb testing.TB, r Realm) *policy.Policy {
	tb.Helper()
	var file struct {
		Rules []policy.Rule `yaml:"rules"`
	}
	must(tb, strictyaml.Decode("policy.yaml", []byte(r.Policy), &file))
	doc := policy.Document{Rules: file.Rules, Services: r.Services, Connectors: []policy.Connector{{Name: "local"}}}
	for _, m := range r.More {
		doc.Connectors = append(doc.Connectors, policy.Connector{Name: m.Name})
	}
	p, err := policy.Compile(doc)
	must(tb, err)
	return p
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
