package access

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/policy"
)

// warnings says what whoever made a token probably does not mean.
func (s *Service) warnings(row pat.Token, o owner, r Realm) []string {
	var list []string
	warn := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }

	id := o.identity
	id.Ceiling = connectors.Limited(row.Scopes...)
	for _, idle := range r.Policy.Idle(broker.Subject(&id, "", netip.Addr{})) {
		what := strings.Join(idle.Actions, ", ")
		if what == "*" {
			what = "listing the catalog"
		}
		warn("%s: as the rules and groups are now, %s may not do this anywhere, and the token will not either: %s", idle.Scope, o.subject(), what)
	}
	for _, scope := range pushOnly(row.Scopes) {
		warn("%s: to push takes pull, too: clients look at what is there first", scope)
	}
	if lasts := row.Expires.Sub(row.Created); lasts > DefaultExpiry {
		warn("it lasts %s: for so long does it serve whoever finds it; %s would do for most", duration(lasts), duration(DefaultExpiry))
	}
	if !o.seen.IsZero() {
		warn("connector %s cannot look anybody up: the token counts as long as the last login of %s is not older than max_login_age; it was at %s",
			o.Connector, o.subject(), o.seen.UTC().Format("2006-01-02 15:04Z"))
	}
	return list
}

// pushOnly returns the scopes that let pushes through where no scope lets pulls.
func pushOnly(scopes []string) []string {
	whole, _ := policy.ParseCeiling(scopes) // read before
	var list []string
	for _, scope := range scopes {
		name, actions := scope[:strings.LastIndexByte(scope, ':')+1], scope[strings.LastIndexByte(scope, ':')+1:]
		pull, err := policy.ParseCeiling([]string{name + "pull"})
		if err == nil && strings.Contains(actions, "push") && !whole.Covers(pull) {
			list = append(list, scope)
		}
	}
	return list
}
