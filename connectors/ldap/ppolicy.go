package ldap

import (
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// accountBind is a bind by which the password of an account is checked. It carries the password
// policy control (draft-behera-ldap-password-policy-10 §6), not critical, so that a
// directory which does not know it takes no notice: the answer's control tells why an
// account is refused, and of one that must change its password nothing else does,
// since the bind succeeds.
type accountBind struct {
	dn       string
	password connectors.Secret
	controls []ldap.Control // of the answer
}

// sendable rejects a password that holds a NUL: there are directories, Samba's among
// them, that read no further, so that it would be another spelling of what is before it.
func sendable(password connectors.Secret) error {
	if strings.ContainsRune(password.Reveal(), 0) {
		return connectors.Reject(connectors.ReasonWrongPassword)
	}
	return nil
}

// run binds on c.
func (b *accountBind) run(c *ldap.Conn) error {
	result, err := c.SimpleBind(&ldap.SimpleBindRequest{
		Username: b.dn,
		Password: b.password.Reveal(),
		Controls: []ldap.Control{ldap.NewControlBeheraPasswordPolicy()},
	})
	b.controls = nil
	if result != nil {
		b.controls = result.Controls
	}
	return err
}

// verdict sorts the error that run ended with: nil where the password is right and
// the account may sign in, a rejection, or an outage.
func (b *accountBind) verdict(err error) error {
	result, answered := asResult(err)
	switch {
	case err == nil:
		if reason := policyRefusal(b.controls, true); reason != "" {
			return connectors.Reject(reason)
		}
		return nil
	case answered:
		if reason, ok := bindRejection(result); ok {
			if told := policyRefusal(b.controls, false); told != "" {
				reason = told
			}
			return connectors.Reject(reason)
		}
	}
	return fmt.Errorf("checking the password: %w", resultOf(err, b.password.Reveal()))
}

// policyRefusal returns why the controls of an answer to a bind refuse the account;
// empty where they do not. How soon the password expires refuses nobody.
//
// A grace login, one of the few that an expired password still allows, is refused
// too: a client makes many requests, each of which would use one up unseen.
func policyRefusal(controls []ldap.Control, success bool) connectors.Reason {
	for _, c := range controls {
		var reason connectors.Reason
		switch c := c.(type) {
		case *ldap.ControlBeheraPasswordPolicy:
			reason = policyReason(c, success)
		case *ldap.ControlVChuPasswordMustChange: // Netscape's; older servers have no other
			reason = connectors.ReasonMustChange
		}
		if reason != "" {
			return reason
		}
	}
	return ""
}

func policyReason(c *ldap.ControlBeheraPasswordPolicy, success bool) connectors.Reason {
	switch {
	case c.Error == ldap.BeheraAccountLocked:
		return connectors.ReasonLocked
	case c.Error == ldap.BeheraChangeAfterReset:
		return connectors.ReasonMustChange
	case success && c.Grace >= 0:
		return connectors.ReasonGraceLogin
	case c.Error == ldap.BeheraPasswordExpired:
		return connectors.ReasonExpired
	case success && c.Error > ldap.BeheraChangeAfterReset:
		return connectors.ReasonRestricted // speaks of a change of password, which this was not
	}
	return ""
}
