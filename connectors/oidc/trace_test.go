package oidc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// traced runs f with a trace, and returns a line for each step.
func traced(t *testing.T, f func(p *provider, c connector, login func(password string) error), spoil func(*provider), edits ...func(*oidc.Config)) []string {
	t.Helper()
	p := newProvider(t)
	spoil(p)
	var lines []string
	ctx := connectors.WithTrace(t.Context(), func(s connectors.Step) {
		line := fmt.Sprintf("%s: %s", s.Name, s.Detail)
		if s.Err != nil {
			line += fmt.Sprintf(" FAIL %v", s.Err)
		}
		if s.Fix != "" {
			line += " FIX " + s.Fix
		}
		lines = append(lines, strings.ReplaceAll(line, p.URL, "PROVIDER"))
	})
	c := p.connect(edits...)
	f(p, c, func(password string) error {
		_, err := c.Authenticate(ctx, connectors.Credentials{Username: "alice", Password: connectors.NewSecret(password)})
		return err
	})
	if prober := c.Connector.(connectors.Prober); len(lines) == 0 {
		if err := prober.Probe(ctx); err != nil {
			lines = append(lines, "failed: "+strings.ReplaceAll(err.Error(), p.URL, "PROVIDER"))
		}
	}
	return lines
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("steps\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, secret := range []string{goodPassword, clientSecret, "the-access-token"} {
		if strings.Contains(strings.Join(got, "\n"), secret) {
			t.Errorf("a step shows %q", secret)
		}
	}
}

const discovered = "discovery: PROVIDER/realms/corp: token endpoint PROVIDER/realms/corp/token; keys: ES256"

func TestStepsOfALogin(t *testing.T) {
	login := func(password string) func(*provider, connector, func(string) error) {
		return func(_ *provider, _ connector, login func(string) error) { _ = login(password) }
	}
	groups := withGroups("groups")
	t.Run("good", func(t *testing.T) {
		wantLines(t, traced(t, login(goodPassword), func(p *provider) { p.userinfo = map[string]any{"groups": []string{"/a/b", "c"}} }, groups),
			discovered,
			"password: as alice at PROVIDER/realms/corp/token",
			"id token: for the subject 0815",
			"claims: preferred_username is Alice, groups is missing",
			"userinfo: PROVIDER/realms/corp/userinfo",
			"claims: preferred_username is Alice, groups is a/b, c",
			"account: user name alice, groups: a/b, c")
	})
	t.Run("wrong password", func(t *testing.T) {
		wantLines(t, traced(t, login("a-guess"), func(*provider) {}),
			discovered,
			"password: as alice at PROVIDER/realms/corp/token FAIL credentials rejected: wrong-password: the provider answers with status 400 \"invalid_grant\" \"Invalid user credentials\"")
	})
	t.Run("restricted", func(t *testing.T) {
		wantLines(t, traced(t, login(goodPassword), func(p *provider) { p.handlers[pathToken] = refuse(400, "invalid_grant", "AADSTS99999: New.") }),
			discovered,
			`password: as alice at PROVIDER/realms/corp/token FAIL credentials rejected: restricted: the provider answers with status 400 "invalid_grant" "AADSTS99999: New." `+
				"FIX the provider's words say why, or its log of sign-ins does")
	})
	t.Run("our own client", func(t *testing.T) {
		wantLines(t, traced(t, login(goodPassword), func(p *provider) { p.handlers[pathToken] = refuse(401, "invalid_client", "who are you") }),
			discovered,
			`password: as alice at PROVIDER/realms/corp/token FAIL the provider answers with status 401 "invalid_client" "who are you" FIX it refuses our own client; `+
				"check client_id, client_secret and client_auth, and that the client may use the password grant (Keycloak: direct access grants)")
	})
	t.Run("overage", func(t *testing.T) {
		lines := traced(t, login(goodPassword), func(p *provider) { p.claims = map[string]any{"hasgroups": true} }, groups)
		if last := lines[len(lines)-1]; !strings.HasPrefix(last, "claims: ") || !strings.Contains(last, "FAIL the provider left the groups out of the token") {
			t.Errorf("the last step is %s", last)
		}
	})
	t.Run("keys that name no algorithm", func(t *testing.T) {
		lines := traced(t, login(goodPassword), func(p *provider) { p.published[0].Algorithm = "" })
		if !strings.HasSuffix(lines[0], "; keys: any") {
			t.Errorf("the first step is %s", lines[0])
		}
	})
	t.Run("discovery fails", func(t *testing.T) {
		wantLines(t, traced(t, login(goodPassword), func(p *provider) { p.handlers[pathKeys] = refuse(404, "", "") }),
			"discovery: PROVIDER/realms/corp FAIL status 404 FIX there is nothing at this address; check issuer")
	})
}

func TestProbe(t *testing.T) {
	nobody := func(*provider, connector, func(string) error) {}
	t.Run("all is well", func(t *testing.T) {
		lists := map[string]any{
			"grant_types_supported": []string{"password"}, "token_endpoint_auth_methods_supported": []string{"client_secret_basic"},
			"scopes_supported": []string{"openid", "email", "profile"},
		}
		wantLines(t, traced(t, nobody, func(p *provider) {
			p.edit = func(d map[string]any) {
				for name, list := range lists {
					d[name] = list
				}
			}
		}),
			discovered, "grant: password", "client_auth: client_secret_basic", "scopes: openid, profile, email", "algorithms: RS256, ES256")
	})
	t.Run("what is not listed", func(t *testing.T) {
		wantLines(t, traced(t, nobody, func(p *provider) {
			p.edit = func(d map[string]any) {
				d["grant_types_supported"], d["scopes_supported"] = []string{"authorization_code"}, []string{"openid"}
				d["id_token_signing_alg_values_supported"] = []string{"PS256", "HS256"}
			}
		}),
			discovered,
			"grant: password; the provider does not list password, but authorization_code FIX the provider may have no password grant at all, which this connector cannot do without",
			"scopes: openid, profile, email; the provider does not list profile, email, but openid FIX the provider may refuse scopes that it does not know",
			"algorithms: RS256, ES256 FAIL the provider signs ID tokens with PS256, HS256 FIX name one of these in algorithms: PS256",
			"failed: the provider signs ID tokens with PS256, HS256: name one of these in algorithms: PS256")
	})
	t.Run("nothing there", func(t *testing.T) {
		lines := traced(t, nobody, func(p *provider) { p.handlers[pathDiscovery] = refuse(500, "", "") })
		if len(lines) != 2 || !strings.HasPrefix(lines[0], "discovery: PROVIDER/realms/corp FAIL 500") || !strings.HasPrefix(lines[1], "failed: ") {
			t.Errorf("steps %q", lines)
		}
	})
}
