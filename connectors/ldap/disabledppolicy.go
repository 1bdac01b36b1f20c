package ldap

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

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
		if *field, err = timeIn(raw, name); err != nil {
			return s, err
		}
	}
	s.reset = isTrue(raw, "pwdReset")
	s.policy = raw.GetEqualFoldAttributeValue("pwdPolicySubentry")
	return s, nil
}

// timeIn reads a time that an entry may have; the zero time where it has none.
func timeIn(raw *ldap.Entry, name string) (time.Time, error) {
	text := raw.GetEqualFoldAttributeValue(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := parseTime(text)
	if err != nil {
		return t, fmt.Errorf("the entry %q has the %s %q, which is no time", raw.DN, name, firstWords(text))
	}
	return t, nil
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
	maxFailure      int           // pwdMaxFailure
	failuresCount   time.Duration // pwdFailureCountInterval; zero: until a login succeeds
}

// unknownPolicy stands for one that nobody has told: what an entry notes counts, and
// what only a policy could tell is not seen.
func unknownPolicy() passwordPolicy { return passwordPolicy{lockout: true, mustChange: true} }

// refusal says why a bind would be refused at that time, whatever the password.
func (s passwordState) refusal(p passwordPolicy, now time.Time) refusal {
	switch {
	case !s.starts.IsZero() && now.Before(s.starts):
		return because("the password is not valid yet (pwdStartTime)")
	case !s.ends.IsZero() && !now.Before(s.ends):
		return because("the password is not valid any more (pwdEndTime)")
	case p.lockout && s.byHand():
		return because("locked by an administrator (pwdAccountLockedTime)")
	case p.lockout && hasPassed(s.used, p.maxIdle, now):
		return because("unused for too long (pwdLastSuccess, pwdMaxIdle)")
	case p.mustChange && s.reset:
		return because("the password is to be changed (pwdReset)")
	case hasPassed(s.changed, p.maxAge, now):
		return because("the password has expired (pwdChangedTime, pwdMaxAge)")
	case p.lockout && now.Before(s.lockedTill):
		return afterGuesses("pwdAccountTmpLockoutEnd")
	case p.lockout && s.isLocked(p.lockoutDuration, now):
		return afterGuesses("pwdAccountLockedTime")
	}
	return refusal{}
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
	return duration == 0 || now.Before(s.locked.Add(duration))
}

// byHand reports whether an administrator has locked the account
// (draft-behera-ldap-password-policy-10 §5.3.3). What wrong passwords bring about has a
// real time, even if it has no end.
func (s passwordState) byHand() bool { return !s.locked.IsZero() && s.locked.Year() == 0 }

// policyNotes says why slapd would refuse a bind.
func policyNotes(ctx context.Context, f *finder, raw *ldap.Entry) (refusal, error) {
	s, err := readState(raw)
	if err != nil || s == (passwordState{}) {
		return refusal{}, err // where nothing is noted, nothing refuses
	}
	policy, err := f.policyOf(ctx, s)
	if err != nil {
		return refusal{}, err
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
		Attributes:   []string{"pwdLockout", "pwdLockoutDuration", "pwdMaxAge", "pwdMaxIdle", "pwdMustChange", "pwdMaxFailure", "pwdFailureCountInterval"},
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
		"pwdLockoutDuration": &p.lockoutDuration, "pwdMaxAge": &p.maxAge, "pwdMaxIdle": &p.maxIdle, "pwdFailureCountInterval": &p.failuresCount,
	} {
		seconds, err := numberIn(raw, name)
		if err != nil {
			return p, fmt.Errorf("the password policy %w of seconds", err)
		}
		*field = time.Duration(seconds) * time.Second
	}
	if p.maxFailure, err = numberIn(raw, "pwdMaxFailure"); err != nil {
		return p, fmt.Errorf("the password policy %w", err)
	}
	return p, nil
}

// numberIn reads a number that an entry may have; 0 where it has none.
func numberIn(raw *ldap.Entry, name string) (int, error) {
	text := raw.GetEqualFoldAttributeValue(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q has the %s %q, which is no number", raw.DN, name, firstWords(text))
	}
	return int(n), nil
}
