package bench_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/internal/audit"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/strictyaml"
	"github.com/shorepass/shorepass/policy"
)

// stage is a part of a request's time.
type stage int

const (
	inAll    stage = iota // for the client
	inServer              // within the handler
	inToken               // within Broker.Token
	inLocate
	inVerify
	inDecide
	inSign
	inAudit
	stageCount
)

// watch measures the stages of the one request that is under way.
type watch [stageCount]time.Duration

func (w *watch) since(s stage, started time.Time) { w[s] += time.Since(started) }

// The parts of a broker, each with a watch around it.
type (
	timedHandler struct {
		http.Handler
		*watch
	}
	timedTokens struct {
		server.Tokens
		*watch
	}
	timedDirectory struct {
		connectors.Directory
		*watch
	}
	timedIssuer struct {
		broker.Issuer
		*watch
	}
	timedAuditor struct {
		broker.Auditor
		*watch
	}
)

func (t timedHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer t.since(inServer, time.Now())
	t.Handler.ServeHTTP(w, r)
}

func (t timedTokens) Token(ctx context.Context, r broker.Request) (broker.Response, error) {
	defer t.since(inToken, time.Now())
	return t.Tokens.Token(ctx, r)
}

func (t timedDirectory) Locate(ctx context.Context, username string) (connectors.Account, error) {
	defer t.since(inLocate, time.Now())
	return t.Directory.Locate(ctx, username)
}

func (t timedDirectory) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	defer t.since(inVerify, time.Now())
	return t.Directory.Verify(ctx, a, password)
}

// Slow is the other's.
func (t timedIssuer) Slow() bool { return t.Issuer.Slow() }

func (t timedIssuer) Issue(g token.Grant) (token.Token, error) {
	defer t.since(inSign, time.Now())
	return t.Issuer.Issue(g)
}

func (t timedAuditor) Record(ctx context.Context, e broker.Entry) error {
	defer t.since(inAudit, time.Now())
	return t.Auditor.Record(ctx, e)
}

// staged is a broker whose stages are measured, and one client of it.
type staged struct {
	*watch
	client  *http.Client
	request *http.Request
	decide  func()
	seen    []watch // of each request
}

// newStaged makes a broker that asks the directory, which may be nil: nobody signs in.
func newStaged(b *testing.B, d connectors.Directory) *staged {
	b.Helper()
	s := &staged{watch: &watch{}, client: &http.Client{Transport: &http.Transport{}}}
	ring, err := token.Open(token.Config{Dir: filepath.Join(b.TempDir(), "keys"), Realm: "corp"})
	must(b, err)
	log, err := audit.Open(filepath.Join(b.TempDir(), "audit.jsonl"), time.Second, slog.New(slog.DiscardHandler))
	must(b, err)
	b.Cleanup(func() { _ = log.Close() })
	realm := broker.Realm{
		Name: "corp", Services: []string{"registry.corp"}, Issuer: "http://localhost/realms/corp", TokenTTL: time.Minute, PushTokenTTL: time.Minute,
		Connectors: connectors.NewChain(connectors.ASCIIUsernames), Policy: compile(b), Signer: timedIssuer{ring, s.watch},
	}
	if d != nil {
		realm.Connectors = connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "directory", Connector: guard.Password(timedDirectory{d, s.watch}, guard.Config{})})
	}
	tokens, err := broker.New([]broker.Realm{realm}, timedAuditor{log, s.watch}, slog.New(slog.DiscardHandler))
	must(b, err)
	handler := server.New(server.Config{Tokens: timedTokens{tokens, s.watch}, Logger: slog.New(slog.DiscardHandler)})
	listener := httptest.NewUnstartedServer(nil)
	listener.Config = server.HTTP(timedHandler{handler, s.watch}, nil, slog.New(slog.DiscardHandler))
	listener.Start()
	b.Cleanup(listener.Close)
	b.Cleanup(s.client.CloseIdleConnections)

	subject, asked := policy.Subject{Service: "registry.corp", Ceiling: policy.Unlimited()}, "repository:public/app:pull"
	if d != nil {
		subject.User, subject.Groups, asked = "directory:worker", []string{"directory:builders"}, "repository:builders/app:pull,push"
	}
	scope, err := policy.ParseScope(asked)
	must(b, err)
	s.decide = func() { realm.Policy.Decide(subject, []policy.Scope{scope}) }
	s.request, err = http.NewRequestWithContext(context.Background(), http.MethodGet, listener.URL+"/token?service=registry.corp&scope="+asked, http.NoBody)
	must(b, err)
	if d != nil {
		s.request.SetBasicAuth("worker", password)
	}
	return s
}

// ask makes one request and notes its stages.
func (s *staged) ask(b *testing.B) {
	b.Helper()
	*s.watch = watch{}
	started := time.Now()
	response, err := s.client.Do(s.request)
	must(b, err)
	_, err = io.Copy(io.Discard, response.Body)
	must(b, err)
	_ = response.Body.Close()
	s.since(inAll, started)
	if response.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s", s.request.URL, response.Status)
	}
	started = time.Now()
	s.decide() // once more, since it cannot be watched: it is no interface's
	s.since(inDecide, started)
	s.seen = append(s.seen, *s.watch)
}

// of is how long a stage takes, in microseconds: the mean of the fifth of the requests
// that took neither short nor long, so that the stages add up.
func (s *staged) of(i stage) float64 {
	slices.SortFunc(s.seen, func(a, b watch) int { return cmp.Compare(a[inAll], b[inAll]) })
	middle := s.seen[len(s.seen)*2/5 : len(s.seen)*3/5]
	var sum time.Duration
	for _, w := range middle {
		sum += w[i]
	}
	return float64(sum.Nanoseconds()) / 1000 / float64(max(1, len(middle)))
}

// BenchmarkStages measures where the time of one request goes, asked over one
// connection while nobody else asks: within one process, which is the client too.
func BenchmarkStages(b *testing.B) {
	w := newWorld(b)
	file := filepath.Join(b.TempDir(), "users.yaml")
	writeFile(b, file, users(w.hashes["argon2id"]))
	hashes, err := static.New(&static.Config{File: connectors.Path(file)}, connectors.Deps{Name: "directory"}, static.NewBound())
	must(b, err)
	paths := []*staged{
		newStaged(b, nil),
		newStaged(b, hashes),
		newStaged(b, w.directory(b, nil)), // for the bind alone: it and groups are one step
		newStaged(b, w.directory(b, &ldap.Groups{FromAttribute: "memberOf", BaseDN: slapd.Groups})),
		newStaged(b, w.directory(b, &ldap.Groups{BaseDN: slapd.Groups, Nested: true})),
	}
	for b.Loop() {
		for _, s := range paths {
			for started := time.Now(); time.Since(started) < 50*time.Millisecond; {
				s.ask(b)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	anonymous, argon, bind, memberOf, nested := paths[0], paths[1], paths[2], paths[3], paths[4]
	shown := []*staged{anonymous, argon, memberOf, nested}
	add := func(what string, of func(s *staged) float64) {
		line := []string{what}
		for _, s := range shown {
			line = append(line, fmt.Sprintf("%.1f", of(s)))
		}
		report.stages = append(report.stages, line)
	}
	checking := func(s *staged) float64 { // the password
		if s == nested {
			return bind.of(inVerify)
		}
		return s.of(inVerify)
	}
	add("network, net/http, and the client", func(s *staged) float64 { return s.of(inAll) - s.of(inServer) })
	add("route, parse, encode and write the answer", func(s *staged) float64 { return s.of(inServer) - s.of(inToken) })
	add("find the realm, read the scopes, put it all together", func(s *staged) float64 {
		return s.of(inToken) - s.of(inLocate) - s.of(inVerify) - s.of(inSign) - s.of(inAudit) - s.of(inDecide)
	})
	add("authenticate: locate", func(s *staged) float64 { return s.of(inLocate) })
	add("authenticate: bind, or the hash", checking)
	add("authenticate: groups", func(s *staged) float64 { return s.of(inVerify) - checking(s) })
	add("decide", func(s *staged) float64 { return s.of(inDecide) })
	add("sign", func(s *staged) float64 { return s.of(inSign) })
	add("audit", func(s *staged) float64 { return s.of(inAudit) })
	add("all", func(s *staged) float64 { return s.of(inAll) })
}

// directory asks the directory of the world.
func (w *world) directory(b *testing.B, groups *ldap.Groups) *ldap.Directory {
	b.Helper()
	c := ldap.DefaultConfig()
	c.URL, c.BindDN, c.BindPassword = connectors.OneOrMany{w.slapd.URL}, slapd.ServiceDN, connectors.NewSecret(slapd.ServicePassword)
	c.Users.BaseDN, c.Groups = slapd.People, groups
	d, err := ldap.New(c, connectors.Deps{Realm: "corp", Name: "directory"})
	must(b, err)
	b.Cleanup(func() { _ = d.Close() })
	return d
}

// compile compiles the rules that the program gets, too.
func compile(b *testing.B) *policy.Policy {
	b.Helper()
	var file struct {
		Rules []policy.Rule `yaml:"rules"`
	}
	must(b, strictyaml.Decode("policy.yaml", []byte(policies), &file))
	p, err := policy.Compile(policy.Document{Rules: file.Rules, Services: []string{"registry.corp"}, Connectors: []policy.Connector{{Name: "directory"}}})
	must(b, err)
	return p
}
