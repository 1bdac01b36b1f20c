package ldap

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// rangeError is an attribute of which the directory has sent a range of the values:
// Active Directory puts them under the name with an option, memberOf;range=0-1499, and an
// empty memberOf beside it (MS-ADTS §3.1.1.3.1.3.3).
type rangeError struct {
	attribute, option string
	next              int // of the values, from 0; none where that cannot be told
}

// Error names what was sent.
func (e *rangeError) Error() string {
	return fmt.Sprintf("the directory gives only a part of %s (%s)", e.attribute, e.option)
}

// values returns the values of an attribute. It fails where the directory has sent
// only a range of them.
func values(raw *ldap.Entry, attribute string) ([]string, error) {
	all, cut := valuesInRange(raw, attribute)
	if cut != nil {
		return nil, cut
	}
	return all, nil
}

// valuesInRange returns the values of an attribute that were sent, and tells where there
// are more.
func valuesInRange(raw *ldap.Entry, attribute string) (all []string, cut *rangeError) {
	for _, a := range raw.Attributes {
		name, options, _ := strings.Cut(a.Name, ";")
		if !strings.EqualFold(name, attribute) {
			continue
		}
		for option := range strings.SplitSeq(options, ";") {
			switch ranged, last, next := parseRange(option); {
			case !ranged && options == "", last:
				all = append(all, a.Values...)
			case ranged:
				all, cut = append(all, a.Values...), &rangeError{attribute, option, next}
			}
		}
	}
	return all, cut
}

// parseRange reads an option such as range=0-1499: whether it is a range, whether that is
// the last one, range=1500-*, and else where the next one begins; 0 where that cannot be
// told.
func parseRange(option string) (ranged, last bool, next int) {
	bounds, ranged := strings.CutPrefix(strings.ToLower(option), "range=")
	if !ranged {
		return false, false, 0
	}
	from, to, _ := strings.Cut(bounds, "-")
	low, err := strconv.ParseUint(from, 10, 31)
	if err == nil && to == "*" {
		return true, true, 0
	}
	high, failed := strconv.ParseUint(to, 10, 31)
	if errors.Join(err, failed) != nil || high < low {
		return true, false, 0
	}
	return true, false, int(high) + 1
}

// rest reads the values of an attribute that lie behind a range, most at most: one more
// where there are more.
func rest(ctx context.Context, search searchFunc, dn string, cut *rangeError, most int) (all []string, err error) {
	for cut != nil && len(all) <= most {
		if cut.next == 0 {
			return nil, cut
		}
		next := fmt.Sprintf("%s;range=%d-*", cut.attribute, cut.next)
		found, err := search(ctx, &ldap.SearchRequest{BaseDN: dn, Scope: ldap.ScopeBaseObject, DerefAliases: ldap.NeverDerefAliases, Filter: "(objectClass=*)", Attributes: []string{next}})
		if err != nil {
			return nil, err
		}
		if len(found.Entries) != 1 {
			return nil, fmt.Errorf("the entry %q cannot be seen any more", dn)
		}
		part, more := valuesInRange(found.Entries[0], cut.attribute)
		if more != nil && more.next <= cut.next || len(part) == 0 {
			return nil, cut // it gives the same again, or nothing
		}
		all, cut = append(all, part...), more
	}
	return all, nil
}
