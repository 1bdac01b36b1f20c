package bench_test

import (
	"crypto/sha256"
	_ "embed" // for the configuration
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

//go:embed testdata/pat.yaml
var patConfiguration string

// BenchmarkAccessTokens is BenchmarkTokens for an access token, whose owner is in a
// directory: first one that was asked a moment ago, then one that hangs and is to be
// asked all the time, beside one that answers; that for a static user, too.
func BenchmarkAccessTokens(b *testing.B) {
	programs.build(b)
	const query = "?service=pat&scope=repository:builders/app:pull,push"
	known := newPATs(b, "15m")
	floor := []floor{{program: known.floor(b)}}
	asked, hung := newPATs(b, "1s"), newPATs(b, "1s")
	for _, p := range []*pats{asked, hung} {
		newLoad(b, p.broker, tokenPath+query, p.who())
	}
	hung.slapd.Pause(b)
	b.Cleanup(func() { hung.slapd.Resume(b) })
	time.Sleep(1500 * time.Millisecond) // so that what is known of the owner is too old

	p := path{name: "access token", who: known.who(), query: query, round: 300 * time.Millisecond, floors: floor}
	b.Run(p.name, func(b *testing.B) { p.measure(b, &known.world) })
	b.Run("directory hangs", func(b *testing.B) { besideAnswering(b, "access token", hung, asked, query, (*pats).who) })
	b.Run("directory hangs, static", func(b *testing.B) { besideAnswering(b, "static user", hung, asked, query, (*pats).local) })
	if log := hung.log.String(); !strings.Contains(log, "cannot be looked up") {
		b.Errorf("nobody has noticed that the directory hangs:\n%s", log)
	}
}

// besideAnswering measures what a directory that hangs does to those who do not log in there
// themselves.
func besideAnswering(b *testing.B, name string, hung, asked *pats, query string, as func(*pats) who) {
	slow, usual := newLoad(b, hung.broker, tokenPath+query, as(hung)), newLoad(b, asked.broker, tokenPath+query, as(asked))
	for i := 0; b.Loop(); i++ {
		loads := []*load{slow, usual}
		for j := range loads {
			loads[(i+j)%2].run(b, 300*time.Millisecond)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ratios(slow.rates, usual.rates)), "ratio")
	what := name + ", the directory hangs (floor: the same, and it answers)"
	report.add(ofTokens, what+", tokens/s", count(median(slow.rates)), count(median(usual.rates)), spread(ratios(slow.rates, usual.rates)))
	report.add(ofTokens, what+", p99, ms", fmt.Sprintf("%.1f", slow.p99()), fmt.Sprintf("%.1f", usual.p99()), "")
}

// pats is a world with one access token.
type pats struct {
	world
	token string
	log   *stack.Output
}

// newPATs starts a world in which what is known of a token's owner may be so old.
func newPATs(b *testing.B, age string) *pats {
	b.Helper()
	p := &pats{world: world{slapd: slapd.Start(b, slapd.Options{NoTLS: true, Quiet: true, LDIF: tree(crowd(), password)})}}
	config := strings.NewReplacer("{{ldap}}", p.slapd.URL, "{{age}}", age).Replace(patConfiguration)
	broker := stack.StartBroker(b, programs.broker, config, map[string]string{"policy.yaml": policies, "users.yaml": localUser(b)})
	p.broker, p.log = &program{broker.PID(), broker.Addr}, broker.Output
	p.token = broker.AccessToken(b, "--owner", "directory:worker", "--name", "bench", "--scope", "repository:**:*", "--expires", "1d")
	return p
}

func (p *pats) who() who { return who{name: "ci", password: p.token} }

// local is the one in the file.
func (p *pats) local() who { return who{name: "local", password: password} }

// localUser is the file.
func localUser(b *testing.B) string {
	b.Helper()
	hash, err := static.Hash(connectors.NewSecret(password), static.Bcrypt)
	must(b, err)
	return fmt.Sprintf("users: [{username: local, password_hash: %q}]\n", hash)
}

// floor starts a floor that knows the token.
func (p *pats) floor(b *testing.B) *program {
	b.Helper()
	return startFloor(b, "-token-id", stack.PublicID(p.token), "-token-sha256", fmt.Sprintf("%x", sha256.Sum256([]byte(p.token))))
}
