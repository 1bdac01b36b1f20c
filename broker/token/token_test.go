package token_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

func TestClaims(t *testing.T) {
	push := pull()
	push.Access = []token.Access{
		{Type: "registry", Name: "catalog", Actions: []string{"*"}},
		{Type: "repository", Name: "team/app", Actions: []string{"pull", "push"}},
	}
	anonymous := pull()
	anonymous.Subject, anonymous.Access = "", nil
	for _, tc := range []struct {
		name  string
		grant token.Grant
		want  string
	}{
		{"access", push, `{"iss":"https://auth.example/realms/corp","sub":"directory:alice","aud":"registry.example",` +
			`"exp":1893546545,"nbf":1893546235,"iat":1893546235,"jti":"ID","access":[` +
			`{"type":"registry","name":"catalog","actions":["*"]},{"type":"repository","name":"team/app","actions":["pull","push"]}]}`},
		{"nobody and nothing", anonymous, `{"iss":"https://auth.example/realms/corp","sub":"","aud":"registry.example",` +
			`"exp":1893546545,"nbf":1893546235,"iat":1893546235,"jti":"ID","access":[]}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			issued := issue(t, newRig(t).bring("es256").open(t), tc.grant)
			_, body := parts(t, issued.Raw)
			if got := strings.Replace(body, issued.ID, "ID", 1); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestHeader(t *testing.T) {
	for algorithm, kid := range map[string]string{"ES256": kidES256, "RS256": kidRS256} {
		t.Run(algorithm, func(t *testing.T) {
			name := strings.ToLower(algorithm)
			got, _ := parts(t, issue(t, newRig(t).bring(name).open(t), pull()).Raw)
			cert, _ := pem.Decode(readFile(t, "testdata/"+name+".crt"))
			want := `{"alg":"` + algorithm + `","typ":"JWT","kid":"` + kid + `","x5c":["` + base64.StdEncoding.EncodeToString(cert.Bytes) + `"]}`
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestTokenFields(t *testing.T) {
	g := pull()
	g.TTL = 90*time.Second + 900*time.Millisecond
	issued := issue(t, newRig(t).open(t), g)
	if want := time.Date(2030, 1, 2, 1, 4, 5, 0, time.UTC); issued.IssuedAt != want {
		t.Errorf("issued at %v, want %v", issued.IssuedAt, want)
	}
	if want := 90 * time.Second; issued.TTL != want {
		t.Errorf("lives %v, want %v", issued.TTL, want)
	}
	var body struct {
		Expires int64  `json:"exp"`
		ID      string `json:"jti"`
	}
	_, text := parts(t, issued.Raw)
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatal(err)
	}
	if want := issued.IssuedAt.Add(issued.TTL).Unix(); body.Expires != want {
		t.Errorf("expires %d, want %d", body.Expires, want)
	}
	if body.ID != issued.ID {
		t.Errorf("jti %q, want %q", body.ID, issued.ID)
	}
}

// TestSignatures issues so many tokens that either number of a signature is shorter than
// usual now and then; each takes its whole place.
func TestSignatures(t *testing.T) {
	for algorithm, want := range map[string]struct{ length, tokens int }{
		token.ES256: {64, 1500},
		token.ES384: {96, 50},
	} {
		t.Run(algorithm, func(t *testing.T) {
			r := newRig(t)
			r.config.Algorithm = algorithm
			ring := r.open(t)
			bundle, kid := ring.Bundle(), signing(ring).KID
			for range want.tokens {
				raw := issue(t, ring, pull()).Raw
				signature, err := base64.RawURLEncoding.DecodeString(raw[strings.LastIndexByte(raw, '.')+1:])
				if err != nil || len(signature) != want.length {
					t.Fatalf("signature of %d bytes, %v", len(signature), err)
				}
				r.wantSigned(t, raw, bundle, kid)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	ring := newRig(t).open(t)
	seen := map[string]bool{}
	for range 500 {
		id := issue(t, ring, pull()).ID
		if len(id) < 22 { // 128 bits in base64
			t.Fatalf("id %q is too short", id)
		}
		if seen[id] {
			t.Fatalf("id %q came twice", id)
		}
		seen[id] = true
	}
}

func TestIssueRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*token.Grant)
		want   string
	}{
		{"no issuer", func(g *token.Grant) { g.Issuer = "" }, "issue token: grant without an issuer"},
		{"no audience", func(g *token.Grant) { g.Audience = "" }, "issue token: grant without an audience"},
		{"no time", func(g *token.Grant) { g.TTL = 0 }, "issue token: time to live of 0s: want 1s to 1h0m0s"},
		{"too short", func(g *token.Grant) { g.TTL = 999 * time.Millisecond }, "issue token: time to live of 999ms: want 1s to 1h0m0s"},
		{"too long", func(g *token.Grant) { g.TTL = token.MaxTTL + 1 }, "issue token: time to live of 1h0m0.000000001s: want 1s to 1h0m0s"},
		{
			"access without actions", func(g *token.Grant) { g.Access[0].Actions = nil },
			"issue token: incomplete access entry {Type:repository Name:team/app Actions:[]}: want type, name and actions",
		},
		{
			"access without a type", func(g *token.Grant) { g.Access[0].Type = "" },
			"issue token: incomplete access entry {Type: Name:team/app Actions:[pull]}: want type, name and actions",
		},
		{
			"access without a name", func(g *token.Grant) { g.Access[0].Name = "" },
			"issue token: incomplete access entry {Type:repository Name: Actions:[pull]}: want type, name and actions",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := pull()
			tc.change(&g)
			issued, err := newRig(t).bring("es256").open(t).Issue(g)
			if err == nil || err.Error() != tc.want {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
			if issued != (token.Token{}) {
				t.Errorf("issued %+v", issued)
			}
		})
	}
}

func TestJWKS(t *testing.T) {
	for _, name := range []string{"es256", "rs256"} {
		t.Run(name, func(t *testing.T) {
			got := newRig(t).bring(name).open(t).JWKS()
			if want := readFile(t, "testdata/"+name+".jwks.json"); !bytes.Equal(got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestSlow(t *testing.T) {
	for algorithm, slow := range map[string]bool{token.ES256: false, token.EdDSA: false, token.ES384: true, token.RS256: true} {
		ring, err := token.Open(token.Config{Dir: t.TempDir(), Realm: "corp", Algorithm: algorithm})
		if err != nil {
			t.Fatal(err)
		}
		if ring.Slow() != slow {
			t.Errorf("%s: slow %t, want %t", algorithm, ring.Slow(), slow)
		}
	}
	// The key of registries that trust jwks stays when the algorithm changes.
	dir := t.TempDir()
	for _, algorithm := range []string{token.RS256, token.ES256} {
		ring, err := token.Open(token.Config{Dir: dir, Realm: "corp", Algorithm: algorithm})
		if err != nil {
			t.Fatal(err)
		}
		if !ring.Slow() {
			t.Errorf("%s: not slow, with a key of RSA", algorithm)
		}
	}
}
