package connectors_test

import (
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
)

func TestWithoutTokens(t *testing.T) {
	const id, secret = "srp_0123456789ab", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef3a1QgX"
	whole := id + secret
	other := "srr_" + whole[4:48] + connectors.TokenChecksum("srr_"+whole[4:48])
	tests := map[string]struct{ text, want string }{
		"nothing":              {"", ""},
		"no token":             {"docker/28.2.2 go/go1.24 user_agent", "docker/28.2.2 go/go1.24 user_agent"},
		"a token":              {id + secret, id + "…"},
		"within a text":        {"/x/" + id + secret + "/y", "/x/" + id + "…/y"},
		"two":                  {id + secret + "," + id + secret, id + "…," + id + "…"},
		"cut off":              {id + secret[:1], id + "…"},
		"longer":               {id + secret + secret, id + "…"},
		"the public id alone":  {id, id},
		"in lower case":        {strings.ToLower(id + secret), id + "…"},
		"in upper case":        {strings.ToUpper(id + secret), strings.ToUpper(id) + "…"},
		"an identity token":    {"srr_0123456789ab" + secret, "srr_0123456789ab…"},
		"with letters before":  {"xsrp_0123456789ab" + secret, "xsrp_0123456789ab…"},
		"first one lost":       {id[1:] + whole[16:], id[1:] + "…"},
		"prefix lost":          {whole[4:], id[4:] + "…"},
		"prefix and more":      {"token=" + whole[4:] + "=", "token=" + id[4:] + "…="},
		"letters for prefix":   {"xyz" + whole[4:] + "xyz", "xyz" + id[4:] + "…"},
		"identity token's":     {other[4:], other[4:16] + "…"},
		"no checksum":          {strings.Repeat("a", 50), strings.Repeat("a", 50)},
		"a digest":             {"cache_" + strings.Repeat("0a1b2c3d", 8), "cache_" + strings.Repeat("0a1b2c3d", 8)},
		"some other underline": {"ghp_0123456789ba" + secret, "ghp_0123456789ba" + secret},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := connectors.WithoutTokens(tt.text); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// TestIssued holds that what was pasted with a token is a token, and no password of
// anybody's.
func TestIssued(t *testing.T) {
	const body = "srp_0123456789abABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
	token := body + connectors.TokenChecksum(body)
	for name, text := range map[string]string{
		"whole": token, "cut off": token[:20], "the prefix": "srp_", "the prefix in capitals": "SRP_", "an identity token": "srr_x",
		"line feed before": "\n" + token, "space before": " " + token, "BOM before": "\ufeff" + token, "NUL before": "\x00" + token,
		"quoted": `"` + token + `"`, "user name before": "ci:" + token, "scheme before": "Bearer " + token, "letter before": "x" + token,
		"line feed behind": token + "\r\n", "capital prefix": "SRP_" + token[4:], "capitals": strings.ToUpper(token), "small": " " + strings.ToLower(token),
		"first one lost": token[1:], "prefix lost": token[4:], "prefix lost, quoted": "'" + token[4:] + "'",
	} {
		if !connectors.NewSecret(text).Issued() {
			t.Errorf("%s: taken for a password", name)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "password": "correct horse battery staple", "other token": "ghp_" + token[4:40], "half a prefix": "srp", "prefix behind": "my srp_ password",
		"public id": "x srp_0123456789ab", "long": strings.Repeat("aB3", 40),
	} {
		if connectors.NewSecret(text).Issued() {
			t.Errorf("%s: taken for a token", name)
		}
	}
}

// TestSearchIsCheap holds that what a client sends, however long, is looked through without
// a copy of it.
func TestSearchIsCheap(t *testing.T) {
	for name, text := range map[string]string{
		"digits": strings.Repeat("aB3dE", 12_800), "runs": strings.Repeat("aB3dEaB3dEaB3dE ", 4_000), "underlines": strings.Repeat("srp_", 16_000),
	} {
		secret := connectors.NewSecret(text[1:])
		if n := testing.AllocsPerRun(10, func() { secret.Issued(); connectors.HoldsToken(text) }); n > 2 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkIssued(b *testing.B) {
	for name, text := range map[string]string{"password": "correct_horse-battery staple", "digits": strings.Repeat("aB3dE", 12_800), "most": strings.Repeat("aB3dE", 51)} {
		b.Run(name, func(b *testing.B) {
			secret := connectors.NewSecret(text)
			b.ReportAllocs()
			for b.Loop() {
				secret.Issued()
			}
		})
	}
}
