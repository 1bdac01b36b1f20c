package ldap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// The values of Users.Disabled.
const (
	disabledNone    = "none"
	disabledPPolicy = "ppolicy"
	disabledAD      = "active-directory"
	disabled389     = "389ds"
)

// notes are what a directory notes in a person's entry that may keep the person from
// signing in.
type notes struct {
	step string // that looks, in traces

	// attributes are what is looked at. Directories do not send most of them unless they
	// are asked for by name.
	attributes []string

	// refusal says why a bind would be refused now, whatever the password.
	refusal func(context.Context, *finder, *ldap.Entry) (refusal, error)
}

// refusal is why a bind would be refused; the zero value where it would not be.
//
// A lock that wrong passwords have brought about says nothing of the person: anybody can
// bring it about who knows the name. It keeps passwords from being guessed, and is told,
// but makes nobody disabled. Otherwise a few wrong passwords, typed by anybody, would stop
// what has no password to guess, such as access tokens.
type refusal struct {
	why      string
	guessing bool // a lock of that kind
}

func because(why string) refusal { return refusal{why: why} }

func afterGuesses(attribute string) refusal {
	return refusal{why: "locked after wrong passwords (" + attribute + ")", guessing: true}
}

// noted are the notes that count; none, where nothing does.
func (u *Users) noted() notes {
	switch u.Disabled {
	case disabledPPolicy:
		return notes{"password policy", stateAttributes(), policyNotes}
	case disabledAD:
		return notes{"account", []string{accountControl, accountComputed, accountExpires}, controlNotes}
	case disabled389:
		return notes{"account", []string{"nsAccountLock", unlockTime, passwordExpiration, "pwdReset", principalExpiration, krbPasswordExpiration}, lockNotes}
	}
	return notes{}
}

// validateDisabled checks what is said about who is disabled.
func (u *Users) validateDisabled(p *problems) {
	switch u.Disabled {
	case disabledNone, disabledPPolicy, disabledAD, disabled389:
	default:
		p.add("users.disabled", fmt.Sprintf("%q is none of none, ppolicy (what OpenLDAP's password policy notes in an entry), active-directory and 389ds (FreeIPA too); for other directories, have users.filter leave out who is disabled", u.Disabled))
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

var _ connectors.TokenAdviser = (*Config)(nil)

// TokenAdvice warns where nobody has said by what the directory shows who is disabled.
// Whoever has written "none" has.
func (c *Config) TokenAdvice() []connectors.FieldProblem {
	if c.Vendor != "" || c.Users.Disabled != "" || c.Users.DNTemplate != "" {
		return nil
	}
	return []connectors.FieldProblem{{
		Field: "users.disabled",
		Message: "not set, and the realm takes access tokens: the tokens of somebody whom the directory has disabled would count on: " +
			"set vendor, or this to ppolicy (OpenLDAP), active-directory or 389ds (FreeIPA too), or to none where users.filter leaves out who is disabled",
	}}
}

// disabledError is why somebody could not sign in, whatever the password. To those who
// look the account up it is gone.
type disabledError string

// Error says why.
func (e disabledError) Error() string { return string(e) }

// Unwrap returns [connectors.ErrGone].
func (disabledError) Unwrap() error { return connectors.ErrGone }

// mayBind fails with a disabledError where the person whose entry it is could not sign in,
// but for a lock after wrong passwords.
func (f *finder) mayBind(ctx context.Context, e *entry) error {
	n := f.config.Users.noted()
	if n.refusal == nil {
		return nil
	}
	end := step(ctx, n.step)
	r, err := n.refusal(ctx, f, e.raw)
	if end != nil {
		detail := cmp.Or(r.why, f.nothingAgainst(n.shown(e.raw)))
		if r.guessing {
			detail += ": no password is taken meanwhile; the account counts as before"
		}
		end(err, detail)
	}
	if err == nil && r.why != "" && !r.guessing {
		return disabledError(r.why)
	}
	return err
}

// nothingAgainst says on what grounds nothing speaks against an account: what cannot be
// read looks as if it were not there.
func (f *finder) nothingAgainst(shown []string) string {
	if len(shown) > 0 {
		return "nothing against the account in " + strings.Join(shown, ", ") + ", which is all that " + f.config.searcher() + " sees"
	}
	return "nothing is noted, or " + f.config.searcher() + " may not read it"
}

// shown are the attributes that an entry shows.
func (n notes) shown(raw *ldap.Entry) []string {
	return slices.DeleteFunc(slices.Clone(n.attributes), func(name string) bool { return raw.GetEqualFoldAttributeValue(name) == "" })
}

// notes tells how many people show anything that is noted. That none does is no fault, and
// may be one of access.
func (p *probe) notes(n notes, found []*ldap.Entry) (string, error) {
	shown := map[string]bool{}
	people := 0
	for _, e := range found {
		noted := n.shown(e)
		for _, name := range noted {
			shown[name] = true
		}
		if len(noted) > 0 {
			people++
		}
	}
	if people == 0 {
		return fmt.Sprintf("users.disabled: none of %s shows %s or the like", count(found), n.attributes[0]),
			&probeError{fix: "where anything is noted of people, let " + p.searcher + " read it: " + strings.Join(n.attributes, ", ")}
	}
	return fmt.Sprintf("users.disabled: %d of %d show %s", people, len(found), strings.Join(slices.Sorted(maps.Keys(shown)), ", ")), nil
}
