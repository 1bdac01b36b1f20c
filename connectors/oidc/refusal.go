package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/oauth2"

	"github.com/shorepass/shorepass/connectors"
)

// refusal is an error answer of the token endpoint (RFC 6749 §5.2).
type refusal struct {
	status      int
	code        string // error; empty where the answer is no such one
	description string // error_description, the provider's own words
	suberror    string // Entra ID's
}

// asRefusal returns err as an answer of the token endpoint.
func asRefusal(err error) (refusal, bool) {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) || answer.Response == nil {
		return refusal{}, false
	}
	r := refusal{status: answer.Response.StatusCode, code: answer.ErrorCode, description: answer.ErrorDescription}
	var more struct {
		Suberror string `json:"suberror"`
	}
	if json.Unmarshal(answer.Body, &more) == nil {
		r.suberror = more.Suberror
	}
	return r, true
}

// reason returns why the provider rejects this account or password, and false where it
// speaks of something else: an outage, ours or the provider's.
func (r refusal) reason() (connectors.Reason, bool) {
	if r.isBusy() {
		return "", false
	}
	entra, isEntra := r.entraCode()
	if reason, ok := entraReason(entra); isEntra && ok {
		return reason, true
	}
	switch r.code {
	case "interaction_required", "login_required", "account_selection_required", "mfa_required": // OpenID Connect Core §3.1.2.6; Auth0, Okta
		return connectors.ReasonInteraction, true
	case "access_denied":
		return r.denialReason()
	case "invalid_grant":
		if isEntra && entra != consentMissing && r.suberror != "consent_required" {
			return connectors.ReasonRestricted, true // one of its many conditions
		}
		return r.grantReason()
	}
	return "", false
}

// denialReason sorts the rejections of access_denied by the provider's words.
func (r refusal) denialReason() (connectors.Reason, bool) {
	switch {
	case r.isRealmOff():
		return "", false
	case r.says("invalid username or password"): // Dex
		return connectors.ReasonWrongPassword, true
	case r.says("policy"): // of Okta: the app's policy and the session's, which a password is not enough for
		return connectors.ReasonInteraction, true
	}
	return connectors.ReasonRestricted, true
}

// isRealmOff reports whether nobody can log in, as Keycloak says of a realm.
func (r refusal) isRealmOff() bool { return r.says("realm not enabled") }

// isBusy reports whether the status says that the provider could not tell.
func (r refusal) isBusy() bool {
	return r.status >= http.StatusInternalServerError || r.status == http.StatusTooManyRequests
}

// isOfAll reports whether a refusal that is an outage is so for everybody: the provider is
// out of order, or does not take our own client. Too many requests may be those of one
// account.
func (r refusal) isOfAll() bool {
	switch r.code {
	case "invalid_client", "unauthorized_client", "unsupported_grant_type":
		return true
	}
	return r.status >= http.StatusInternalServerError || r.isRealmOff()
}

// grantReason sorts the rejections of invalid_grant by the provider's words. Those of
// Keycloak 26 are the only ones that tell them apart; others count as a wrong password.
func (r refusal) grantReason() (connectors.Reason, bool) {
	entra, _ := r.entraCode()
	switch {
	case r.suberror == "consent_required", entra == consentMissing:
		return "", false // somebody must agree to the client once, for all
	case r.says("account is not fully set up"), r.says("multifactor"), r.says("multi-factor"):
		return connectors.ReasonInteraction, true
	case r.says("account disabled"):
		return connectors.ReasonDisabled, true
	case r.says("temporarily disabled"), r.says("locked"):
		return connectors.ReasonLocked, true
	}
	return connectors.ReasonWrongPassword, true
}

func (r refusal) says(words string) bool {
	return strings.Contains(strings.ToLower(r.description), words)
}

// consentMissing is Entra ID's error where nobody has agreed to the client.
const consentMissing = 65001

// entraCode returns the number of an error of Entra ID, by which its description
// begins.
func (r refusal) entraCode() (int, bool) {
	number, ok := strings.CutPrefix(r.description, "AADSTS")
	if end := strings.IndexFunc(number, func(c rune) bool { return c < '0' || c > '9' }); end >= 0 {
		number = number[:end]
	}
	code, err := strconv.Atoi(number)
	return code, ok && err == nil
}

// entraReason sorts Entra ID's errors that speak of an account or password. Those that
// want a second factor, a device or a page to be shown are no failed logins.
func entraReason(code int) (connectors.Reason, bool) {
	switch {
	case code == 50034: // no such user in the directory
		return connectors.ReasonUnknown, true
	case code == 50126, code == 50056: // wrong; the account has none
		return connectors.ReasonWrongPassword, true
	case code == 50057:
		return connectors.ReasonDisabled, true
	case code == 50053:
		return connectors.ReasonLocked, true
	case code == 50105, code == 50020, code == 53004: // not assigned to the client; of another directory; at risk
		return connectors.ReasonRestricted, true
	case slices.Contains([]int{
		50055, 50144, // the password has expired
		50072, 50074, 50076, 50078, 50079, 50158, // a second factor, or to set one up
		50005, 50097, 50131, 50133, // a device; the session
		51004, 16000, 16003, // to choose an account
		90072, // an account of elsewhere
	}, code), 53000 <= code && code <= 53011, 530000 <= code && code <= 530040: // conditional access
		return connectors.ReasonInteraction, true
	}
	return "", false
}

// advice says what to do about a refusal that is an outage.
func (r refusal) advice() string {
	if r.isBusy() {
		return statusAdvice(r.status)
	}
	switch r.code {
	case "access_denied":
		return "the realm is disabled at the provider, and nobody can log in; enable it there"
	case "invalid_client", "unauthorized_client":
		return "it refuses our own client; check client_id, client_secret and client_auth, and that the client may use the password grant (Keycloak: direct access grants)"
	case "unsupported_grant_type":
		return "it has no password grant, or not for this client; this connector cannot do without"
	case "invalid_scope":
		return "it does not know one of scopes"
	case "invalid_request":
		return "it misses something in the request; check client_auth and scopes"
	case "invalid_grant":
		return "an administrator must consent to the client at the provider"
	}
	return statusAdvice(r.status)
}

// answer describes the refusal. The provider's words are left out where they hold one of
// the secrets.
func (r refusal) answer(s secrets) error {
	text := fmt.Sprintf("the provider answers with status %d", r.status)
	for _, words := range []string{s.words(r.code), s.words(r.description)} {
		if words != "" {
			text += " " + strconv.Quote(words)
		}
	}
	return errors.New(text)
}
