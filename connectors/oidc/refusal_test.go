package oidc_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
)

// TestRefusals sorts what token endpoints answer. The texts are the providers' own.
func TestRefusals(t *testing.T) {
	entra := func(code int, text string) string {
		return fmt.Sprintf("AADSTS%d: %s Trace ID: 1b Correlation ID: 2c Timestamp: 2026-01-01 00:00:00Z", code, text)
	}
	for _, tt := range []struct {
		name        string
		status      int
		code, words string
		want        connectors.Reason // empty: an outage
		outage      string            // what it says
	}{
		{"Keycloak, wrong", 400, "invalid_grant", "Invalid user credentials", connectors.ReasonWrongPassword, ""},
		{"Keycloak, wrong, older", 401, "invalid_grant", "Invalid user credentials", connectors.ReasonWrongPassword, ""},
		{"Keycloak, disabled", 400, "invalid_grant", "Account disabled", connectors.ReasonDisabled, ""},
		{"Keycloak, an action", 400, "invalid_grant", "Account is not fully set up", connectors.ReasonInteraction, ""},
		{"Keycloak, locked", 400, "invalid_grant", "Account temporarily disabled, contact admin or try again later.", connectors.ReasonLocked, ""},
		{"Keycloak, client's secret", 401, "unauthorized_client", "Invalid client or Invalid client credentials", "", "refuses our own client; check client_id, client_secret and client_auth"},
		{"Keycloak, client unknown", 401, "invalid_client", "Invalid client or Invalid client credentials", "", "refuses our own client"},
		{"Keycloak, direct grants off", 400, "unauthorized_client", "Client not allowed for direct access grants", "", "direct access grants"},
		{"Keycloak, scopes", 400, "invalid_scope", "Invalid scopes: openid groups", "", "scopes"},
		{"Keycloak, realm disabled", 403, "access_denied", "Realm not enabled", "", "enable it there"},
		{"Keycloak, realm", 404, "Realm does not exist", "", "", "check issuer"},
		{"Entra, wrong", 400, "invalid_grant", entra(50126, "Error validating credentials due to invalid username or password."), connectors.ReasonWrongPassword, ""},
		{"Entra, unknown", 400, "invalid_grant", entra(50034, "The user account does not exist in the directory."), connectors.ReasonUnknown, ""},
		{"Entra, locked", 400, "invalid_grant", entra(50053, "The account is locked."), connectors.ReasonLocked, ""},
		{"Entra, disabled", 400, "invalid_grant", entra(50057, "The user account is disabled."), connectors.ReasonDisabled, ""},
		{"Entra, expired", 400, "invalid_grant", entra(50055, "The password is expired."), connectors.ReasonInteraction, ""},
		{"Entra, second factor", 400, "invalid_grant", entra(50076, "Due to a configuration change …, you must use multi-factor authentication."), connectors.ReasonInteraction, ""},
		{"Entra, second factor by its other name", 400, "interaction_required", entra(50076, "Due to …"), connectors.ReasonInteraction, ""},
		{"Entra, to set one up", 400, "invalid_grant", entra(50079, "… you must enroll in multi-factor authentication."), connectors.ReasonInteraction, ""},
		{"Entra, conditional access", 400, "invalid_grant", entra(53003, "Access has been blocked by Conditional Access policies."), connectors.ReasonInteraction, ""},
		{"Entra, device", 400, "invalid_grant", entra(530002, "Your device is required to be compliant."), connectors.ReasonInteraction, ""},
		{"Entra, another condition", 400, "invalid_grant", entra(99999, "Something new."), connectors.ReasonRestricted, ""},
		{"Entra, consent, without suberror", 400, "invalid_grant", entra(65001, "The user or administrator has not consented."), "", "must consent"},
		{"Entra, not assigned", 400, "invalid_grant", entra(50105, "The signed in user is not assigned to a role."), connectors.ReasonRestricted, ""},
		{"Entra, secret missing", 401, "invalid_client", entra(7000218, "The request body must contain client_secret."), "", "refuses our own client"},
		{"Entra, secret wrong", 401, "invalid_client", entra(7000215, "Invalid client secret provided."), "", "refuses our own client"},
		{"Entra, no such client", 400, "unauthorized_client", entra(700016, "Application was not found in the directory."), "", "refuses our own client"},
		{"Okta, second factor", 403, "mfa_required", "MFA required", connectors.ReasonInteraction, ""},
		{"Okta, the app's policy", 403, "access_denied", "Policy evaluation failed for this request, please check the policy configurations.", connectors.ReasonInteraction, ""},
		{"Okta, the session's policy", 403, "access_denied", "Resource owner password credentials authentication denied by sign on policy.", connectors.ReasonInteraction, ""},
		{"access_denied, something new", 403, "access_denied", "Not today.", connectors.ReasonRestricted, ""},
		{"access_denied alone", 403, "access_denied", "", connectors.ReasonRestricted, ""},
		{"Okta, wrong", 400, "invalid_grant", "The credentials provided were invalid.", connectors.ReasonWrongPassword, ""},
		{"Dex, wrong", 401, "access_denied", "Invalid username or password", connectors.ReasonWrongPassword, ""},
		{"interaction_required", 400, "interaction_required", "", connectors.ReasonInteraction, ""},
		{"invalid_grant alone", 400, "invalid_grant", "", connectors.ReasonWrongPassword, ""},
		{"invalid_grant with 200", 200, "invalid_grant", "", connectors.ReasonWrongPassword, ""},
		{"no password grant", 400, "unsupported_grant_type", "", "", "has no password grant"},
		{"invalid_request", 400, "invalid_request", "Missing parameter", "", "check client_auth"},
		{"server_error", 400, "server_error", "", "", "not an answer of an OpenID provider"},
		{"temporarily_unavailable", 503, "temporarily_unavailable", "", "", "it has a fault"},
		{"a rejection with 500", 500, "invalid_grant", "Invalid user credentials", "", "status 500"},
		{"too many requests", 429, "invalid_grant", "slow down", "", "limits how often"},
		{"a proxy's", 407, "", "", "", "the proxy wants a user name"},
		{"a word nobody knows", 400, "purple", "", "", `"purple"`},
		{"no word", 400, "", "", "", "status 400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider(t)
			p.handlers[pathToken] = refuse(tt.status, tt.code, tt.words)
			_, err := p.connect().login(t.Context())
			reason, _ := reasonOf(err)
			switch {
			case tt.want == "":
				wantOutage(t, err, tt.outage)
			case reason != tt.want:
				t.Errorf("error %v, want reason %q", err, tt.want)
			}
			if p.count(pathToken) != 1 {
				t.Errorf("the password was sent %d times", p.count(pathToken))
			}
		})
	}
}

// TestWordsOfRestrictions holds that the log has the provider's words where the reason is
// not one of ours, once in a while, and no secret.
func TestWordsOfRestrictions(t *testing.T) {
	p := newProvider(t)
	p.handlers[pathToken] = refuse(400, "invalid_grant", "AADSTS99999: Something new.")
	c := p.connect()
	for range 3 {
		_, err := c.login(t.Context())
		if reason, _ := reasonOf(err); reason != connectors.ReasonRestricted || strings.Contains(err.Error(), "AADSTS") {
			t.Errorf("error %v, want the reason alone", err)
		}
	}
	if n := strings.Count(c.log.String(), "AADSTS99999: Something new."); n != 1 {
		t.Errorf("the log has the provider's words %d times, want once: %s", n, c.log)
	}

	p.handlers[pathToken] = refuse(400, "access_denied", "you sent "+url.QueryEscape(goodPassword))
	c = p.connect()
	_, _ = c.login(t.Context())
	if !strings.Contains(c.log.String(), "access_denied") || strings.Contains(c.log.String(), "you sent") {
		t.Errorf("the log is %s", c.log)
	}
}

// TestConsent is Entra ID's answer where nobody has agreed to the client yet.
func TestConsent(t *testing.T) {
	p := newProvider(t)
	p.handlers[pathToken] = func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 400, map[string]any{"error": "invalid_grant", "suberror": "consent_required", "error_description": "AADSTS65001: The user or administrator has not consented."})
	}
	_, err := p.connect().login(t.Context())
	wantOutage(t, err, "must consent")
}

// TestRefusalsShowNoSecret has the provider repeat in its error what it was sent, in one
// form or another.
func TestRefusalsShowNoSecret(t *testing.T) {
	forms := map[string]func(string) string{
		"as it is":              func(s string) string { return s },
		"in a query":            url.QueryEscape,
		"in a path":             url.PathEscape,
		"in small letters":      func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
		"base64":                func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 for URLs":       func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"hex":                   func(s string) string { return hex.EncodeToString([]byte(s)) },
		"HEX":                   func(s string) string { return fmt.Sprintf("%X", s) },
		"with what nobody sees": func(s string) string { return s[:3] + "\u200b\x00" + s[3:] },
	}
	for kind, secret := range map[string]string{
		"password": goodPassword, "client_secret": clientSecret, "pair": clientID + ":" + clientSecret,
		"header": url.QueryEscape(clientID) + ":" + url.QueryEscape(clientSecret), "unprintable": "pass\u200bword",
	} {
		for name, form := range forms {
			p := newProvider(t)
			p.handlers[pathToken] = refuse(400, "invalid_request "+form(secret), "you sent <"+form(secret)+">")
			password := goodPassword
			if kind == "unprintable" {
				password = secret
			}
			_, err := p.connect().Authenticate(t.Context(), connectors.Credentials{Username: "alice", Password: connectors.NewSecret(password)})
			wantOutage(t, err, "status 400: ")
			if err != nil && strings.Contains(err.Error(), "you sent") {
				t.Errorf("%s, %s: the error shows a secret: %v", kind, name, err)
			}
		}
	}
}

// TestAnswersThatAreNone has something else than a token endpoint answer.
func TestAnswersThatAreNone(t *testing.T) {
	page := "<html><body>Sign in to " + goodPassword + "</body></html>"
	write := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, handler := range map[string]http.HandlerFunc{
		"a page":                 write(200, "text/html", page),
		"a page with 400":        write(400, "text/html", page),
		"a page with 401":        write(401, "text/html", page),
		"a page with 502":        write(502, "text/html", page),
		"nothing":                write(200, "application/json", ""),
		"nothing with 401":       write(401, "application/json", ""),
		"an empty object":        write(200, "application/json", "{}"),
		"a list":                 write(200, "application/json", "[]"),
		"half an object":         write(200, "application/json", `{"access_token":"x"`),
		"a form":                 write(200, "application/x-www-form-urlencoded", "access_token=x&id_token="),
		"an ID token of a kind":  write(200, "application/json", `{"access_token":"x","id_token":{"a":1}}`),
		"much":                   write(200, "application/json", `{"access_token":"x","x":"`+strings.Repeat("x", 2<<20)+`"}`),
		"deep":                   write(200, "application/json", `{"access_token":"x","x":`+strings.Repeat("[", 500_000)),
		"a connection that ends": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.handlers[pathToken] = handler
			_, err := p.connect().login(t.Context())
			wantOutage(t, err, "")
			if p.count(pathToken) != 1 {
				t.Errorf("the password was sent %d times", p.count(pathToken))
			}
		})
	}
}
