package verifycases

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/broker/token"
)

// testForgeries shows the registry tokens that were tampered with, and those of a
// stranger whose keys it does not trust.
func (v verifier) testForgeries(t *testing.T, r, stranger *issuing) {
	pull, good := pullOnly()
	raw, strange := r.issueAt(t, 0, good), stranger.issueAt(t, 0, good)
	header, body, signature := cut(raw)
	strangeHeader, strangeBody, strangeSignature := cut(strange)
	for _, tc := range []struct {
		name string
		raw  string
		want outcome
	}{
		{"untouched", raw, accepted},
		{"wider body", join(header, edit(t, body, `"pull"`, `"pull","push"`), signature), invalid},
		{"other subject", join(header, edit(t, body, "alice", "mallory"), signature), invalid},
		{"no signature", join(header, body, ""), invalid},
		{"another signature", join(header, body, signatureOf(r.issueAt(t, 0, good))), invalid},
		{"algorithm none", join(edit(t, header, `"alg":"`+signing(r).Algorithm, `"alg":"none`), body, ""), invalid},
		{"algorithm HS256", join(edit(t, header, `"alg":"`+signing(r).Algorithm, `"alg":"HS256`), body, signature), invalid},
		{"stranger", strange, invalid},
		{"stranger under our certificate", join(header, strangeBody, strangeSignature), invalid},
		{"our token under a stranger's certificate", join(strangeHeader, body, signature), invalid},
		{"stranger under our key id", join(edit(t, strangeHeader, signing(stranger).KID, signing(r).KID), strangeBody, strangeSignature), invalid},
		{"no token", "", invalid},
	} {
		t.Run(tc.name, func(t *testing.T) { v.want(t, tc.raw, pull, tc.want) })
	}
}

// signing returns the key that signs the tokens of the service.
func signing(r *issuing) token.KeyInfo {
	for _, k := range r.Keys() {
		published := r.config.Trust[service] == token.JWKS
		if k.Use == token.Signing && (k.Kind == token.Brought || published == (k.Kind == token.Published)) {
			return k
		}
	}
	return token.KeyInfo{}
}

func cut(raw string) (header, body, signature string) {
	fields := strings.Split(raw, ".")
	return fields[0], fields[1], fields[2]
}

func signatureOf(raw string) string {
	_, _, signature := cut(raw)
	return signature
}

func join(fields ...string) string { return strings.Join(fields, ".") }

// edit replaces text in a part of a token, which must have it.
func edit(t *testing.T, part, from, to string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(text), from, to, 1)
	if edited == string(text) {
		t.Fatalf("no %q in %s", from, text)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(edited))
}
