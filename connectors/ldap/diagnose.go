package ldap

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

var _ connectors.Diagnoser = (*Directory)(nil)

// place is where an entry may be that a login does not find.
type place struct {
	base, filter string
	scope        int
	why, fix     string // a login does not find it there
}

// Diagnose looks for the entries that have the user name further and further away from
// where a login looks, and says what keeps the nearest ones out. It sees what whoever
// searches may see, and no more.
func (d *Directory) Diagnose(ctx context.Context, username string) {
	end := step(ctx, "elsewhere")
	if end == nil {
		return
	}
	quiet, cancel := context.WithTimeoutCause(connectors.WithTrace(ctx, nil), callTimeout, errNoAnswer)
	defer cancel()
	var (
		seen   []string
		failed error
	)
	for _, p := range d.places(quiet, username) {
		found, err := d.search(quiet, &ldap.SearchRequest{BaseDN: p.base, Scope: p.scope, DerefAliases: ldap.NeverDerefAliases, SizeLimit: 2, EnforceSizeLimit: true, Filter: p.filter, Attributes: []string{"objectClass"}})
		if len(found.Entries) > 0 {
			end(&probeError{fix: p.fix}, p.why+": "+listEntries(found.Entries))
			return
		}
		if err == nil {
			seen = append(seen, p.base)
		} else {
			failed = err
		}
	}
	if len(seen) == 0 {
		end(failed, "cannot be looked for")
		return
	}
	attributes := strings.Join(d.config.Users.LoginAttributes, " or ")
	end(&probeError{fix: "check the name, and users.login_attributes; or let " + d.config.searcher() + " see the entry"},
		fmt.Sprintf("nothing that %s sees below %s has the name as its %s", d.config.searcher(), strings.Join(distinct(seen), " and "), attributes))
}

// places are where to look for the user name, the nearest first.
func (d *Directory) places(ctx context.Context, username string) []place {
	users := &d.config.Users
	name := anyOf(users.LoginAttributes, []string{username})
	near := d.config.usersTree()
	all := []place{
		{near.base, name, near.scope, "not matched by users.filter, " + users.Filter, "correct users.filter, if the entry is a person's who is to sign in"},
		{near.base, name, ldap.ScopeWholeSubtree, "deeper below users.base_dn than users.scope: one reaches", "remove users.scope: one, or have users.base_dn name the entry right above people"},
	}
	for _, base := range namingContexts(ctx, d.search) {
		all = append(all,
			place{base, "(&" + users.Filter + name + ")", ldap.ScopeWholeSubtree, "outside users.base_dn, " + users.BaseDN, "correct users.base_dn: people are searched below it"},
			place{base, name, ldap.ScopeWholeSubtree, "outside users.base_dn, " + users.BaseDN + ", and not matched by users.filter, " + users.Filter, "correct users.base_dn and users.filter, if the entry is a person's who is to sign in"})
	}
	return all
}

// listEntries are the DNs of a few entries, with what they are where that was read.
func listEntries(found []*ldap.Entry) string {
	all := make([]string, len(found))
	for i, e := range found {
		all[i] = firstWords(e.DN)
		if is := e.GetAttributeValues("objectClass"); len(is) > 0 {
			all[i] += " (" + firstWords(strings.Join(is, ", ")) + ")"
		}
	}
	return strings.Join(all, "; ")
}
