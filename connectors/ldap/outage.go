package ldap

import (
	"errors"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// outage marks err with [connectors.ErrUnreachable] where it says that nobody can sign in.
func outage(err error) error {
	if isUnreachable(err) {
		return connectors.Unreachable(err)
	}
	return err
}

// isUnreachable reports whether err speaks of the whole directory. The result "other" does
// not: it may be about one entry. Nor does the sub-code [noLogonServers]: a domain
// controller knows some passwords by itself.
func isUnreachable(err error) bool {
	var (
		all     serverErrors
		dial    *dialError
		service *serviceError
		network *ldap.Error
	)
	switch {
	case errors.Is(err, connectors.ErrBusy):
		return false
	case errors.As(err, &all):
		return !slices.ContainsFunc(all, func(one serverError) bool { return !isUnreachable(one.err) })
	case errors.As(err, &dial), errors.As(err, &service), errors.Is(err, errNoAnswer), errors.Is(err, errNonsense), errors.Is(err, errLost):
		return true
	}
	if code, answered := resultCode(err); answered {
		return code == ldap.LDAPResultBusy || code == ldap.LDAPResultUnavailable
	}
	return errors.As(err, &network) && network.ResultCode == ldap.ErrorNetwork // the library's own
}
