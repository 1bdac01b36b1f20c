package ldap

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// bindRejection sorts the result of a user's bind. It returns the reason where it speaks
// of this user's account or password, and false where it is an outage: ours, or the
// directory's.
//
// All codes that are not listed (RFC 4511 appendix A) are outages: they speak of
// the server's state (busy, unavailable), of how it is set up (confidentiality
// required, referral) or of what a bind cannot fail with.
func bindRejection(result *ldap.Error) (connectors.Reason, bool) {
	switch result.ResultCode {
	case ldap.LDAPResultInvalidCredentials:
		return subcodeReason(subcodeOf(result))
	case ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax:
		// The entry was deleted or renamed since the search.
		return connectors.ReasonUnknown, true
	case ldap.LDAPResultInappropriateAuthentication:
		// The entry has no password, so that none can be right.
		return connectors.ReasonRestricted, true
	case ldap.LDAPResultConstraintViolation, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultInsufficientAccessRights:
		// 389 Directory Server answers 19 for an account that is locked and 53 for one
		// that is switched off; 50 is an access rule against it.
		return connectors.ReasonRestricted, true
	}
	return "", false
}

// resultError is a result code that the directory sent. It does not wrap the
// library's error: what matters of it was sorted, and no later code is to sort it
// again.
type resultError struct {
	code       uint16
	diagnostic string // the directory's words, bounded; may be empty
	advice     string // what to do about it; begins with a colon, or is empty
}

// Error names the code, gives the directory's own words, and says what to do.
func (e *resultError) Error() string {
	text := fmt.Sprintf("result code %d (%s)", e.code, strings.ToLower(ldap.LDAPResultCodeMap[e.code]))
	if e.diagnostic != "" {
		text += fmt.Sprintf(" %q", e.diagnostic)
	}
	return text + e.advice
}

// withoutAdvice returns a *resultError that says nothing of what to do; another error as
// it is.
func withoutAdvice(err error) error {
	var result *resultError
	if !errors.As(err, &result) {
		return err
	}
	return &resultError{code: result.code, diagnostic: result.diagnostic}
}

// resultOf returns err with a result code as a *resultError, and any other as it
// is. The directory's words are left out where they hold secret.
func resultOf(err error, secret string) error {
	var servers serverErrors
	if errors.As(err, &servers) {
		return servers.each(func(err error) error { return resultOf(err, secret) })
	}
	result, ok := asResult(err)
	if !ok {
		return err
	}
	words := result.Err.Error()
	if secret != "" && strings.Contains(words, secret) {
		words = ""
	}
	return &resultError{code: result.ResultCode, diagnostic: firstWords(words), advice: advice(result.ResultCode)}
}

// searchResultOf is resultOf for searches, where some codes mean more. searcher is who
// searched.
func searchResultOf(err error, secret, searcher string) error {
	var servers serverErrors
	if errors.As(err, &servers) {
		return servers.each(func(err error) error { return searchResultOf(err, secret, searcher) })
	}
	if _, ok := asResult(err); !ok {
		return err // a refusal of the service account is not the search's
	}
	var result *resultError
	if err = resultOf(err, secret); !errors.As(err, &result) {
		return err
	}
	if searcher == anonymous && isAccessRefused(result.code) {
		result.advice = ": " + searcher + " may not search here" + useAccount
	}
	if result.advice == "" {
		result.advice = searchAdvice(result.code, searcher)
	}
	return err
}

// withoutWords returns err without the directory's own words, for those who do not know
// what secret might be in them.
func withoutWords(err error) error {
	if code, answered := resultCode(err); answered {
		return &resultError{code: code, advice: advice(code)}
	}
	return err
}

// asResult returns err as a result that the directory sent. The library's own
// errors have the same type, but only what was sent has a packet.
func asResult(err error) (*ldap.Error, bool) {
	var result *ldap.Error
	ok := errors.As(err, &result) && result.Packet != nil
	return result, ok
}

// resultCode returns the code of a result that the directory sent.
func resultCode(err error) (code uint16, ok bool) {
	var sorted *resultError
	if errors.As(err, &sorted) {
		return sorted.code, true
	}
	if result, ok := asResult(err); ok {
		return result.ResultCode, true
	}
	return 0, false
}

// firstWords bounds a text of the directory and leaves out what is not printable.
func firstWords(text string) string {
	const most = 200
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	return text
}

// advice says what to do about a result code of any operation.
func advice(code uint16) string {
	switch code {
	case ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired:
		return ": it wants an encrypted connection; use ldaps:// or start_tls: true"
	case ldap.LDAPResultAuthMethodNotSupported:
		return ": it does not take simple binds"
	case ldap.LDAPResultReferral:
		return ": referrals are not followed; point url at the server that holds the entries"
	}
	return ""
}

// searchAdvice says what to do about a result code of a search.
func searchAdvice(code uint16, searcher string) string {
	switch code {
	case ldap.LDAPResultInsufficientAccessRights:
		return ": " + searcher + " may not search here"
	case ldap.LDAPResultSizeLimitExceeded, ldap.LDAPResultAdminLimitExceeded:
		who := "dn.exact=\"BIND_DN\""
		switch searcher {
		case anonymous:
			who = "anonymous"
		case selves:
			who = "users"
		}
		return ": the directory's limits for " + searcher + " are too low, or an index is missing; in slapd.conf: limits " + who + " size.prtotal=unlimited"
	case ldap.LDAPResultTimeLimitExceeded:
		return ": the directory's limits for " + searcher + " are too low, or an index is missing"
	case ldap.LDAPResultNoSuchObject:
		if searcher == selves {
			return ": there is nothing of that DN, or " + searcher + " may not see it" + letSelves
		}
		text := ": the base_dn does not exist, or " + searcher + " may not see it"
		if searcher == anonymous {
			text += useAccount
		}
		return text
	}
	return ""
}

// useAccount is the way out where anonymous searches are refused.
const useAccount = "; let them, or set bind_dn and bind_password in place of anonymous_search"

// letSelves is what people need who read for themselves.
const letSelves = "; let people read their own entries (slapd: by self read) and groups (by users read)"

// isAccessRefused reports whether a result code says that a client which has not signed
// in may not search; Active Directory says it with an operations error.
func isAccessRefused(code uint16) bool {
	switch code {
	case ldap.LDAPResultOperationsError, ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultInappropriateAuthentication,
		ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultUnwillingToPerform:
		return true
	}
	return false
}
