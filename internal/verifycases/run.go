package verifycases

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

const (
	issuer  = "https://auth.example/realms/corp"
	service = "registry.example"
)

// Access is one action that a registry wants a request to be allowed.
type Access struct{ Type, Name, Action string }

// Verifier checks a request as a registry does before it serves it. The error is the
// registry's own.
type Verifier func(r *http.Request, wanted []Access) error

// Open makes a registry's verifier from the options of its configuration (auth.token).
type Open func(options map[string]any) (Verifier, error)

// Registry says what a version of the registry knows beside RSA and elliptic curves in its
// rootcertbundle.
type Registry struct{ EdDSA, JWKS bool }

// Run runs every case against the verifiers that open makes.
func Run(t *testing.T, knows Registry, open Open) {
	for _, f := range forms() {
		t.Run(f.name, func(t *testing.T) {
			issuing := f.open(t)
			if f.not != nil && f.not(knows) {
				wantUnknown(t, open, issuing)
				return
			}
			v := verifier{verify: newVerifier(t, open, issuing)}
			t.Run("grants", func(t *testing.T) { v.testGrants(t, issuing) })
			t.Run("forgeries", func(t *testing.T) { v.testForgeries(t, issuing, f.open(t)) })
		})
	}
	for _, algorithm := range token.Algorithms() {
		if algorithm != token.EdDSA || knows.EdDSA {
			t.Run("rotation, "+algorithm, func(t *testing.T) { testRotation(t, open, algorithm) })
		}
	}
	t.Run("algorithm changes", func(t *testing.T) { testAlgorithmChange(t, open) })
	t.Run("rollover of the CA", func(t *testing.T) { testRollover(t, open) })
	if knows.JWKS {
		t.Run("rotation of a published key", func(t *testing.T) { testPublished(t, open) })
	}
}

// outcome is what a registry makes of a token.
type outcome string

const (
	accepted     outcome = "accepted"
	insufficient outcome = "insufficient scope"
	invalid      outcome = "invalid"
)

type verifier struct{ verify Verifier }

// newVerifier starts a registry's verifier that trusts what the ring says.
func newVerifier(t *testing.T, open Open, r *issuing) Verifier {
	t.Helper()
	v, err := open(options(t, r))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// options are those of a registry that trusts what the ring says.
func options(t *testing.T, r *issuing) map[string]any {
	t.Helper()
	o := map[string]any{"realm": "https://auth.example/token", "issuer": issuer, "service": service}
	algorithms := []any{}
	for _, a := range token.Algorithms() {
		algorithms = append(algorithms, a)
	}
	o["signingalgorithms"] = algorithms
	for _, trust := range r.trust {
		if trust == token.X5C {
			o["rootcertbundle"] = writeFile(t, "bundle.pem", r.bundle)
		} else {
			o["jwks"] = writeFile(t, "jwks.json", r.JWKS())
		}
	}
	return o
}

// wantUnknown wants a registry that does not start, or that takes no token.
func wantUnknown(t *testing.T, open Open, r *issuing) {
	t.Helper()
	defer func() {
		if fault := recover(); fault != nil {
			t.Logf("the registry panics: %v", fault)
		}
	}()
	v, err := open(options(t, r))
	if err != nil {
		t.Logf("the registry does not start: %v", err)
		return
	}
	pull, good := pullOnly()
	verifier{verify: v}.want(t, r.issueAt(t, 0, good), pull, invalid)
}

// want shows a token to the registry and wants that outcome.
func (v verifier) want(t *testing.T, raw string, wanted []Access, want outcome) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+service+"/v2/", nil)
	r.Header.Set("Authorization", "Bearer "+raw)
	got := invalid
	err := v.verify(r, wanted)
	switch {
	case err == nil:
		got = accepted
	case err.Error() == string(insufficient): // the text of that error in every version
		got = insufficient
	}
	if got != want {
		t.Errorf("%s (%v), want %s", got, err, want)
	}
}

func (v verifier) testGrants(t *testing.T, r *issuing) {
	var (
		pull    = Access{"repository", "team/app", "pull"}
		push    = Access{"repository", "team/app", "push"}
		other   = Access{"repository", "team/base", "pull"}
		catalog = Access{"registry", "catalog", "*"}
		all     = []token.Access{
			{Type: "registry", Name: "catalog", Actions: []string{"*"}},
			{Type: "repository", Name: "team/app", Actions: []string{"pull", "push"}},
			{Type: "repository", Name: "team/base", Actions: []string{"pull"}},
		}
		pulls = all[2:]
	)
	for _, tc := range []struct {
		name   string
		grant  token.Grant
		later  time.Duration // when it is issued
		wanted []Access
		want   outcome
	}{
		{"pull", grant(all), 0, []Access{pull}, accepted},
		{"push", grant(all), 0, []Access{pull, push}, accepted},
		{"mount", grant(all), 0, []Access{push, pull, other}, accepted},
		{"catalog", grant(all), 0, []Access{catalog}, accepted},
		{"login", grant(nil), 0, nil, accepted},
		{"login with rights", grant(all), 0, nil, accepted},
		{"anonymous", token.Grant{Issuer: issuer, Audience: service, Access: pulls, TTL: time.Minute}, 0, []Access{other}, accepted},
		{"longest life", token.Grant{Issuer: issuer, Audience: service, Access: pulls, TTL: token.MaxTTL}, 0, []Access{other}, accepted},
		{"clock of the registry behind", grant(all), time.Minute, []Access{pull}, accepted},

		{"action not granted", grant(pulls), 0, []Access{{"repository", "team/base", "push"}}, insufficient},
		{"one of two not granted", grant(pulls), 0, []Access{other, pull}, insufficient},
		{"repository not granted", grant(pulls), 0, []Access{pull}, insufficient},
		{"catalog not granted", grant(pulls), 0, []Access{catalog}, insufficient},
		{"nothing granted", grant(nil), 0, []Access{pull}, insufficient},

		{"other audience", token.Grant{Issuer: issuer, Audience: "other.example", Access: all, TTL: time.Minute}, 0, []Access{pull}, invalid},
		{"other issuer", token.Grant{Issuer: issuer + "/", Audience: service, Access: all, TTL: time.Minute}, 0, []Access{pull}, invalid},
		{"expired", grant(all), -10 * time.Minute, []Access{pull}, invalid},
		{"expired, nothing wanted", grant(nil), -10 * time.Minute, nil, invalid},
		{"clock of the registry far behind", grant(all), 5 * time.Minute, []Access{pull}, invalid},
	} {
		t.Run(tc.name, func(t *testing.T) { v.want(t, r.issueAt(t, tc.later, tc.grant), tc.wanted, tc.want) })
	}
}

func grant(access []token.Access) token.Grant {
	return token.Grant{Issuer: issuer, Subject: "directory:alice", Audience: service, Access: access, TTL: 5 * time.Minute}
}

// pullOnly returns an access, and a grant of that and nothing else.
func pullOnly() ([]Access, token.Grant) {
	return []Access{{"repository", "team/app", "pull"}},
		grant([]token.Access{{Type: "repository", Name: "team/app", Actions: []string{"pull"}}})
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
