package directory

import (
	"fmt"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// filter says whether an entry matches.
type filter func(*entry) bool

// compileFilter makes a filter of its text (RFC 4515). Ordering, approximate and
// extensible matches are not supported.
func compileFilter(text string) (filter, error) {
	packet, err := ldap.CompileFilter(text)
	if err != nil {
		return nil, ldap.NewError(ldap.LDAPResultProtocolError, err)
	}
	return filterOf(packet)
}

func filterOf(packet *ber.Packet) (filter, error) {
	switch packet.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		return junction(packet)
	case ldap.FilterPresent:
		name := packet.Data.String()
		return func(e *entry) bool { return e.lookup(name) != nil }, nil
	case ldap.FilterEqualityMatch:
		return equality(packet.Children[0].Data.String(), packet.Children[1].Data.String()), nil
	case ldap.FilterSubstrings:
		return substrings(packet.Children[0].Data.String(), packet.Children[1].Children), nil
	}
	return nil, ldap.NewError(ldap.LDAPResultInappropriateMatching,
		fmt.Errorf("%s filters are not supported", strings.ToLower(ldap.FilterMap[uint64(packet.Tag)])))
}

// junction combines filters; an "and" of none is true, an "or" of none false (RFC
// 4526).
func junction(packet *ber.Packet) (filter, error) {
	parts := make([]filter, 0, len(packet.Children))
	for _, child := range packet.Children {
		part, err := filterOf(child)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	if packet.Tag == ldap.FilterNot {
		return func(e *entry) bool { return !parts[0](e) }, nil
	}
	decisive := packet.Tag == ldap.FilterOr // the answer of one part that settles the whole
	return func(e *entry) bool {
		for _, part := range parts {
			if part(e) == decisive {
				return decisive
			}
		}
		return !decisive
	}, nil
}

// equality compares without case; DNs are compared parsed, since one DN can be
// written in many ways.
func equality(name, want string) filter {
	if isPassword(name) {
		return never
	}
	same := func(value string) bool { return strings.EqualFold(value, want) }
	if isDN(name) {
		wanted, err := ldap.ParseDN(want)
		if err != nil {
			return never
		}
		same = func(value string) bool {
			dn, err := ldap.ParseDN(value)
			return err == nil && dn.EqualFold(wanted)
		}
	}
	return anyValue(name, same)
}

// substrings matches parts in their order: the first may be anchored at the
// beginning, the last at the end.
func substrings(name string, parts []*ber.Packet) filter {
	if isPassword(name) || isDN(name) {
		return never
	}
	return anyValue(name, func(value string) bool {
		rest := strings.ToLower(value)
		for _, part := range parts {
			text, at := strings.ToLower(part.Data.String()), 0
			switch part.Tag {
			case ldap.FilterSubstringsInitial:
				if !strings.HasPrefix(rest, text) {
					return false
				}
			case ldap.FilterSubstringsFinal:
				return strings.HasSuffix(rest, text)
			default:
				if at = strings.Index(rest, text); at < 0 {
					return false
				}
			}
			rest = rest[at+len(text):]
		}
		return true
	})
}

func anyValue(name string, matches func(string) bool) filter {
	return func(e *entry) bool {
		for _, value := range e.lookup(name) {
			if matches(value) {
				return true
			}
		}
		return false
	}
}

func never(*entry) bool { return false }

// isDN reports whether an attribute's values are DNs.
func isDN(attribute string) bool {
	switch strings.ToLower(attribute) {
	case "member", "uniquemember", "owner", "manager", "seealso", "entrydn":
		return true
	}
	return false
}
