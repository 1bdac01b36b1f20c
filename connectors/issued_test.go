package connectors_test

import (
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
)

func TestWithoutTokens(t *testing.T) {
	const id, secret = "srp_0123456789ab", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef3a1QgX"
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
		"some other underline": {"ghp_0123456789ab" + secret, "ghp_0123456789ab" + secret},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := connectors.WithoutTokens(tt.text); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
