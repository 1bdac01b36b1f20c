package ldap

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// parseDN returns the DN with its values folded: directories compare most of them
// without regard to case and repeated spaces, and answer with another escaping
// than was typed (RFC 4514 §2.4), so that DNs are never compared as strings.
func parseDN(text string) (*ldap.DN, error) {
	dn, err := ldap.ParseDN(text)
	if err != nil {
		return nil, err
	}
	for _, rdn := range dn.RDNs {
		for _, a := range rdn.Attributes {
			a.Value = fold(a.Value)
		}
	}
	return dn, nil
}

// fold returns a value in the form of groups' names.
func fold(value string) string { return connectors.FoldedGroups.Canonical(value) }

// isHousekeeping reports whether a reference leads to a part of Active Directory that
// holds its own settings, and neither people nor groups of theirs. It sends these with
// every search from a domain's root.
func isHousekeeping(reference string) bool {
	u, err := url.Parse(reference)
	if err != nil {
		return false
	}
	dn, err := parseDN(strings.TrimPrefix(u.Path, "/"))
	if err != nil || len(dn.RDNs) == 0 || len(dn.RDNs[0].Attributes) != 1 {
		return false
	}
	first := dn.RDNs[0].Attributes[0]
	switch strings.ToLower(first.Type) + "=" + first.Value {
	case "cn=configuration", "cn=schema", "dc=forestdnszones", "dc=domaindnszones":
		return true
	}
	return false
}

// rdnValue returns the folded value of the attribute in the first component of a
// parsed DN.
func rdnValue(dn *ldap.DN, attribute string) (string, bool) {
	if len(dn.RDNs) == 0 {
		return "", false
	}
	for _, a := range dn.RDNs[0].Attributes {
		if strings.EqualFold(a.Type, attribute) {
			return a.Value, true
		}
	}
	return "", false
}

// canonicalName chooses among the values of a naming attribute, of which there is one
// at least, the one that the entry is named by, else the first in alphabetical order,
// and returns it without spaces that do not count. It depends on the entry alone, so
// that whoever signs in by any of the values has one name.
func canonicalName(dn *ldap.DN, attribute string, values []string) string {
	chosen := slices.MinFunc(values, func(a, b string) int { return cmp.Or(cmp.Compare(fold(a), fold(b)), cmp.Compare(a, b)) })
	if named, ok := rdnValue(dn, attribute); ok {
		if i := slices.IndexFunc(values, func(v string) bool { return fold(v) == named }); i >= 0 {
			chosen = values[i]
		}
	}
	return trim(chosen)
}

// trim returns a value without spaces that do not count.
func trim(value string) string { return strings.Join(strings.Fields(value), " ") }
