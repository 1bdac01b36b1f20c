package ldap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// The values of Users.Disabled.
const (
	disabledNone    = "none"
	disabledPPolicy = "ppolicy"
)

// validateDisabled checks what is said about who is disabled.
func (u *Users) validateDisabled(p *problems) {
	switch u.Disabled {
	case disabledNone, disabledPPolicy:
	default:
		p.add("users.disabled", fmt.Sprintf("%q is neither none nor ppolicy (what OpenLDAP's password policy notes in an entry); for other directories, have users.filter leave out who is disabled", u.Disabled))
		return
	}
	if u.DNTemplate != "" {
		p.unless(u.Disabled == disabledNone, "users.disabled", "dn_template, by which nobody is looked up without a password")
	}
	switch {
	case u.PasswordPolicy == "":
	case u.Disabled != disabledPPolicy:
		p.add("users.password_policy", "has no meaning without disabled: ppolicy: remove it, or set that")
	default:
		p.dn("users.password_policy", u.PasswordPolicy, "the DN of the default password policy")
	}
}

// passwordState is what a password policy notes in a person's entry
// (draft-behera-ldap-password-policy-10 §5.3), as far as it may keep the person from
// signing in. What is not noted is the zero value.
type passwordState struct {
	locked     time.Time // pwdAccountLockedTime; the year 0 for one that an administrator has locked
	lockedTill time.Time // pwdAccountTmpLockoutEnd
	starts     time.Time // pwdStartTime
	ends       time.Time // pwdEndTime
	changed    time.Time // pwdChangedTime
	used       time.Time // pwdLastSuccess
	reset      bool      // pwdReset
	policy     string    // pwdPolicySubentry
}

// stateAttributes are what a passwordState is read from. Directories do not send them
// unless they are asked for by name.
func stateAttributes() []string {
	return []string{
		"pwdAccountLockedTime", "pwdAccountTmpLockoutEnd", "pwdStartTime", "pwdEndTime",
		"pwdChangedTime", "pwdLastSuccess", "pwdReset", "pwdPolicySubentry",
	}
}

func readState(raw *ldap.Entry) (s passwordState, err error) {
	for name, field := range map[string]*time.Time{
		"pwdAccountLockedTime": &s.locked, "pwdAccountTmpLockoutEnd": &s.lockedTill, "pwdStartTime": &s.starts,
		"pwdEndTime": &s.ends, "pwdChangedTime": &s.changed, "pwdLastSuccess": &s.used,
	} {
		text := raw.GetEqualFoldAttributeValue(name)
		if text == "" {
			continue
		}
		if *field, err = parseTime(text); err != nil {
			return s, fmt.Errorf("the entry %q has the %s %q, which is no time", raw.DN, name, firstWords(text))
		}
	}
	s.reset = isTrue(raw, "pwdReset")
	s.policy = raw.GetEqualFoldAttributeValue("pwdPolicySubentry")
	return s, nil
}

func isTrue(raw *ldap.Entry, attribute string) bool {
	return strings.EqualFold(raw.GetEqualFoldAttributeValue(attribute), "TRUE") // RFC 4517 §3.3.3
}

// parseTime reads a generalized time (RFC 4517 §3.3.13), whose minutes and seconds may
// be missing and whose seconds may have a fraction.
func parseTime(text string) (t time.Time, err error) {
	for _, layout := range []string{"20060102150405Z0700", "200601021504Z0700", "2006010215Z0700"} {
		if t, err = time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return t, err
}

// passwordPolicy is what of a pwdPolicy entry matters to a passwordState. Durations
// that are zero do not apply.
type passwordPolicy struct {
	lockout         bool          // pwdLockout: without it no lock counts
	lockoutDuration time.Duration // pwdLockoutDuration; zero: until an administrator unlocks the account
	maxAge          time.Duration // pwdMaxAge
	maxIdle         time.Duration // pwdMaxIdle
	mustChange      bool          // pwdMustChange: without it pwdReset does not count
}

// unknownPolicy stands for one that nobody has told: what an entry notes counts, and
// what only a policy could tell is not seen.
func unknownPolicy() passwordPolicy { return passwordPolicy{lockout: true, mustChange: true} }

// refusal says why a bind would be refused at that time, whatever the password; empty
// where it would not be.
func (s passwordState) refusal(p passwordPolicy, now time.Time) string {
	switch {
	case !s.starts.IsZero() && now.Before(s.starts):
		return "the password is not valid yet (pwdStartTime)"
	case !s.ends.IsZero() && !now.Before(s.ends):
		return "the password is not valid any more (pwdEndTime)"
	case p.lockout && now.Before(s.lockedTill):
		return "locked for a while (pwdAccountTmpLockoutEnd)"
	case p.lockout && s.isLocked(p.lockoutDuration, now):
		return "locked (pwdAccountLockedTime)"
	case p.lockout && hasPassed(s.used, p.maxIdle, now):
		return "unused for too long (pwdLastSuccess, pwdMaxIdle)"
	case p.mustChange && s.reset:
		return "the password is to be changed (pwdReset)"
	case hasPassed(s.changed, p.maxAge, now):
		return "the password has expired (pwdChangedTime, pwdMaxAge)"
	}
	return ""
}

// hasPassed reports whether so much time has gone by since a time that is known.
func hasPassed(since time.Time, span time.Duration, now time.Time) bool {
	return span > 0 && !since.IsZero() && now.After(since.Add(span))
}

// isLocked reports whether the account is locked: since a time that may be still to
// come, and that slapd leaves where it is when the lockout has passed, until the next
// bind.
func (s passwordState) isLocked(duration time.Duration, now time.Time) bool {
	if s.locked.IsZero() || now.Before(s.locked) {
		return false
	}
	return duration == 0 || s.locked.Year() == 0 || now.Before(s.locked.Add(duration))
}

// disabledError is why somebody could not sign in, whatever the password. To those who
// look the account up it is gone.
type disabledError string

// Error says why.
func (e disabledError) Error() string { return string(e) }

// Unwrap returns [connectors.ErrGone].
func (disabledError) Unwrap() error { return connectors.ErrGone }

// mayBind fails with a disabledError where the person whose entry it is could not sign in.
func (f *finder) mayBind(ctx context.Context, e *entry) error {
	if f.config.Users.Disabled != disabledPPolicy {
		return nil
	}
	end := step(ctx, "password policy")
	why, err := f.refusal(ctx, e.raw)
	if end != nil {
		end(err, cmp.Or(why, f.nothingAgainst(e.raw)))
	}
	if err == nil && why != "" {
		return disabledError(why)
	}
	return err
}

// nothingAgainst says on what grounds nothing speaks against an account: what cannot be
// read looks as if it were not there.
func (f *finder) nothingAgainst(raw *ldap.Entry) string {
	if noted := notedIn(raw); len(noted) > 0 {
		return "nothing against the account in " + strings.Join(noted, ", ") + ", which is all that " + f.config.searcher() + " sees"
	}
	return "nothing is noted, or " + f.config.searcher() + " may not read it"
}

// notedIn are the stateAttributes that an entry shows.
func notedIn(raw *ldap.Entry) []string {
	return slices.DeleteFunc(stateAttributes(), func(name string) bool { return raw.GetEqualFoldAttributeValue(name) == "" })
}

// notes tells how many people show anything that a password policy notes. That none does
// is no fault, and may be one of access.
func (p *probe) notes(found []*ldap.Entry) (string, error) {
	shown := map[string]bool{}
	n := 0
	for _, e := range found {
		noted := notedIn(e)
		for _, name := range noted {
			shown[name] = true
		}
		if len(noted) > 0 {
			n++
		}
	}
	if n == 0 {
		return fmt.Sprintf("users.disabled: none of %s shows %s or the like", count(found), stateAttributes()[0]),
			&probeError{fix: "where anything is noted of people, let " + p.searcher + " read it: " + strings.Join(stateAttributes(), ", ")}
	}
	return fmt.Sprintf("users.disabled: %d of %d show %s", n, len(found), strings.Join(slices.Sorted(maps.Keys(shown)), ", ")), nil
}

func (f *finder) refusal(ctx context.Context, raw *ldap.Entry) (string, error) {
	s, err := readState(raw)
	if err != nil || s == (passwordState{}) {
		return "", err // where nothing is noted, nothing refuses
	}
	policy, err := f.policyOf(ctx, s)
	if err != nil {
		return "", err
	}
	return s.refusal(policy, time.Now()), nil
}

// policyOf reads the policy that holds for an entry.
func (f *finder) policyOf(ctx context.Context, s passwordState) (passwordPolicy, error) {
	dn := s.policy
	if dn == "" {
		dn = f.config.Users.PasswordPolicy
	}
	if dn == "" {
		return unknownPolicy(), nil
	}
	return policyAt(ctx, f.search, dn, f.config.searcher())
}

// policyAt reads a policy.
func policyAt(ctx context.Context, search searchFunc, dn, searcher string) (passwordPolicy, error) {
	found, err := search(ctx, &ldap.SearchRequest{
		BaseDN:       dn,
		Scope:        ldap.ScopeBaseObject,
		DerefAliases: ldap.NeverDerefAliases,
		Filter:       "(objectClass=*)",
		Attributes:   []string{"pwdLockout", "pwdLockoutDuration", "pwdMaxAge", "pwdMaxIdle", "pwdMustChange"},
	})
	code, _ := resultCode(err)
	switch {
	case code == ldap.LDAPResultNoSuchObject || err == nil && len(found.Entries) != 1:
		return passwordPolicy{}, unfit(fmt.Sprintf("let %s read it, and check users.password_policy and people's pwdPolicySubentry", searcher), "the password policy %q cannot be seen", dn)
	case err != nil:
		return passwordPolicy{}, fmt.Errorf("reading the password policy %q: %w", dn, err)
	}
	return readPolicy(found.Entries[0])
}

func readPolicy(raw *ldap.Entry) (p passwordPolicy, err error) {
	p.lockout, p.mustChange = isTrue(raw, "pwdLockout"), isTrue(raw, "pwdMustChange")
	for name, field := range map[string]*time.Duration{
		"pwdLockoutDuration": &p.lockoutDuration, "pwdMaxAge": &p.maxAge, "pwdMaxIdle": &p.maxIdle,
	} {
		text := raw.GetEqualFoldAttributeValue(name)
		if text == "" {
			continue
		}
		seconds, err := strconv.ParseInt(text, 10, 32)
		if err != nil || seconds < 0 {
			return p, fmt.Errorf("the password policy %q has the %s %q, which is no number of seconds", raw.DN, name, firstWords(text))
		}
		*field = time.Duration(seconds) * time.Second
	}
	return p, nil
}
