package ldap

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

var _ connectors.LockoutTeller = (*Directory)(nil)

// LockoutPolicies reads the policies by which a directory locks accounts after wrong
// passwords, as users.disabled says how it keeps them: those of the person, or that of
// everybody and, of slapd, those of a sample of people.
func (d *Directory) LockoutPolicies(ctx context.Context, username string) ([]connectors.LockoutPolicy, error) {
	ctx, cancel := context.WithTimeoutCause(connectors.WithTrace(ctx, nil), callTimeout, errNoAnswer)
	defer cancel()
	switch d.config.Users.Disabled {
	case disabledPPolicy:
		return d.policyLockouts(ctx, username)
	case disabledAD:
		return d.domainLockouts(ctx, username)
	case disabled389:
		return d.serverLockout(ctx)
	}
	return nil, errors.ErrUnsupported
}

// policyLockouts are those of slapd's password policies: the default one, as far as it is
// named, and those that people's entries name.
func (d *Directory) policyLockouts(ctx context.Context, username string) (all []connectors.LockoutPolicy, failed error) {
	const named = "pwdPolicySubentry"
	var dns []string
	people, err := d.peoplesOwn(ctx, username, named)
	for _, raw := range people {
		dns = append(dns, raw.GetEqualFoldAttributeValue(named))
	}
	if len(people) == 0 || slices.Contains(dns, "") {
		dns = append(dns, d.config.Users.PasswordPolicy)
	}
	slices.Sort(dns)
	for _, dn := range slices.Compact(dns) {
		if dn == "" {
			continue
		}
		p, failure := policyAt(ctx, d.search, dn, d.config.searcher())
		if failure != nil {
			err = errors.Join(err, failure)
			continue
		}
		l := connectors.LockoutPolicy{Name: dn, Within: p.failuresCount}
		if p.lockout {
			l.Failures = p.maxFailure
		}
		all = append(all, l)
	}
	return all, err
}

// peoplesOwn returns the person of a user name, or a sample of people, with an attribute
// that is read for this alone. One who is not found is no error.
func (d *Directory) peoplesOwn(ctx context.Context, username string, attributes ...string) ([]*ldap.Entry, error) {
	t := d.config.usersTree()
	r := &ldap.SearchRequest{BaseDN: t.base, Scope: t.scope, DerefAliases: ldap.NeverDerefAliases, SizeLimit: probeSample, EnforceSizeLimit: true, Filter: t.filter, Attributes: attributes}
	if username != "" {
		found, err := d.named(ctx, username)
		if errors.Is(err, connectors.ErrNotMine) || errors.Is(err, connectors.ErrRejected) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		r.BaseDN, r.Scope, r.Filter = found.dn, ldap.ScopeBaseObject, "(objectClass=*)"
	}
	found, err := d.search(ctx, r)
	if isSizeLimit(err) {
		err = nil
	}
	return found.Entries, err
}

// domainLockouts are that of an Active Directory domain (MS-ADTS §3.1.1.4.5) and, of a
// person whom another was made for, that.
func (d *Directory) domainLockouts(ctx context.Context, username string) ([]connectors.LockoutPolicy, error) {
	const resultant = "msDS-ResultantPSO"
	if username != "" {
		people, err := d.peoplesOwn(ctx, username, resultant)
		if err != nil {
			return nil, err
		}
		for _, raw := range people {
			if dn := raw.GetEqualFoldAttributeValue(resultant); dn != "" {
				return d.domainLockout(ctx, dn, "msDS-LockoutThreshold", "msDS-LockoutObservationWindow")
			}
		}
	}
	root, err := d.baseEntry(ctx, "", "defaultNamingContext")
	if err != nil {
		return nil, err
	}
	return d.domainLockout(ctx, root.GetEqualFoldAttributeValue("defaultNamingContext"), "lockoutThreshold", "lockoutObservationWindow")
}

// domainLockout reads the policy of one entry.
func (d *Directory) domainLockout(ctx context.Context, dn, threshold, window string) ([]connectors.LockoutPolicy, error) {
	raw, err := d.baseEntry(ctx, dn, threshold, window)
	if err != nil {
		return nil, err
	}
	if raw.GetEqualFoldAttributeValue(threshold) == "" {
		return nil, unfit("let "+d.config.searcher()+" read it, or compare guard.lockout with it yourself", "%s shows no %s", dn, threshold)
	}
	failures, err := numberIn(raw, threshold)
	if err != nil {
		return nil, err
	}
	within, err := strconv.ParseInt(strings.TrimPrefix(raw.GetEqualFoldAttributeValue(window), "-"), 10, 64)
	const unit = 100 // ns, in which spans are told, below zero
	if err != nil || within > math.MaxInt64/unit {
		within = math.MaxInt64 / unit // for ever
	}
	return []connectors.LockoutPolicy{{Name: dn, Failures: failures, Within: time.Duration(within) * unit}}, nil
}

// serverLockout is that of a 389 Directory Server, if its configuration may be read, which
// few accounts may.
func (d *Directory) serverLockout(ctx context.Context) ([]connectors.LockoutPolicy, error) {
	const on, most, reset = "passwordLockout", "passwordMaxFailure", "passwordResetFailureCount"
	raw, err := d.baseEntry(ctx, "cn=config", on, most, reset)
	if err != nil || raw.GetEqualFoldAttributeValue(on) == "" {
		return nil, errors.ErrUnsupported
	}
	l := connectors.LockoutPolicy{Name: raw.DN}
	if strings.EqualFold(raw.GetEqualFoldAttributeValue(on), "on") {
		if l.Failures, err = numberIn(raw, most); err != nil {
			return nil, err
		}
	}
	seconds, err := numberIn(raw, reset)
	l.Within = time.Duration(seconds) * time.Second
	return []connectors.LockoutPolicy{l}, err
}

// baseEntry reads one entry.
func (d *Directory) baseEntry(ctx context.Context, dn string, attributes ...string) (*ldap.Entry, error) {
	found, err := d.search(ctx, &ldap.SearchRequest{BaseDN: dn, Scope: ldap.ScopeBaseObject, DerefAliases: ldap.NeverDerefAliases, Filter: "(objectClass=*)", Attributes: attributes})
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", dn, err)
	}
	if len(found.Entries) != 1 {
		return nil, unfit("let "+d.config.searcher()+" read it", "%q cannot be seen", dn)
	}
	return found.Entries[0], nil
}
