package connectors

import "strings"

// Domain is the short name of a domain of accounts, such as CORP, whose user names may be
// typed with it before them: CORP\alice. Both spellings are one name. Empty: there is
// none, and a backslash is no part of a user name.
type Domain string

// Parse returns the canonical form of a user name, without the domain, and whether it is
// one: in the form of the realm's, and not of another domain. With the domain before it,
// it is an account's bare name and no address.
func (d Domain) Parse(form UsernameForm, typed string) (canonical string, ok bool) {
	domain, name, qualified := strings.Cut(typed, `\`)
	switch {
	case !qualified:
		return form.Parse(typed)
	case d == "" || !isASCII(domain) || !strings.EqualFold(domain, string(d)) || strings.Contains(name, "@"):
		return "", false
	}
	return form.Parse(name)
}

// Domained is implemented by a [Directory] whose accounts have a domain, and by the
// connector that is made of it.
type Domained interface {
	Domain() Domain
}
