package ldap

import (
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// subcodeOf returns what Active Directory adds to a result 49 (invalid credentials): a
// Windows error code, in hexadecimal, among its words. They are
//
//	80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 52e, v4563
//
// It is empty where another directory speaks.
func subcodeOf(result *ldap.Error) string {
	if result.ResultCode != ldap.LDAPResultInvalidCredentials {
		return ""
	}
	_, after, found := strings.Cut(result.Err.Error(), "AcceptSecurityContext error, data ")
	code, _, ended := strings.Cut(after, ",")
	if !found || !ended || strings.Trim(code, "0123456789abcdef") != "" {
		return ""
	}
	return code
}

// noLogonServers is the sub-code of a read-only domain controller that reaches no other
// (ERROR_NO_LOGON_SERVERS): another one may.
const noLogonServers = "51f"

// subcodeReason sorts the sub-codes (MS-ERREF §2.2). It returns false for an outage.
// Where the password is wrong, Active Directory says 52e whatever else is the matter, but
// for a locked account.
func subcodeReason(subcode string) (connectors.Reason, bool) {
	switch subcode {
	case "525": // ERROR_NO_SUCH_USER
		return connectors.ReasonUnknown, true
	case "52f", // ERROR_ACCOUNT_RESTRICTION
		"530", // ERROR_INVALID_LOGON_HOURS
		"531", // ERROR_INVALID_WORKSTATION
		"568", // ERROR_TOO_MANY_CONTEXT_IDS: groups
		"569": // ERROR_LOGON_TYPE_NOT_GRANTED
		return connectors.ReasonRestricted, true
	case "532": // ERROR_PASSWORD_EXPIRED
		return connectors.ReasonExpired, true
	case "533": // ERROR_ACCOUNT_DISABLED
		return connectors.ReasonDisabled, true
	case "701": // ERROR_ACCOUNT_EXPIRED
		return connectors.ReasonAccountExpired, true
	case "773": // ERROR_PASSWORD_MUST_CHANGE
		return connectors.ReasonMustChange, true
	case "775": // ERROR_ACCOUNT_LOCKED_OUT
		return connectors.ReasonLocked, true
	case noLogonServers:
		return "", false
	}
	return connectors.ReasonWrongPassword, true // 52e, ERROR_LOGON_FAILURE, above all
}
