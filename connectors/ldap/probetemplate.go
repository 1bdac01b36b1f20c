package ldap

import (
	"cmp"
	"context"
	"errors"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// Probe connects to each server. What people see there, only they can tell.
func (t *Template) Probe(ctx context.Context) error {
	var failed error
	for _, to := range t.servers.list {
		err := answers(ctx, to)
		if err == nil {
			t.probePeople(ctx, to)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// probePeople tells what anonymous clients see of where dn_template puts people: often
// nothing, which is no fault.
func (t *Template) probePeople(ctx context.Context, to *server) {
	end := step(ctx, "people")
	if end == nil {
		return
	}
	quiet, cancel := context.WithTimeoutCause(connectors.WithTrace(ctx, nil), callTimeout, errNoAnswer)
	defer cancel()
	where := cmp.Or(t.dn.parent, "the root")
	detail, fix := where+": not seen without a password", "try somebody with explain --login"
	if s, err := to.dial(quiet); err == nil {
		defer s.close()
		p := t.finder.probe(quiet, s, anonymous)
		if _, err := p.search(quiet, &ldap.SearchRequest{BaseDN: t.dn.parent, Scope: ldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: []string{"1.1"}}); err == nil {
			detail = where + " exists"
		} else if there := p.nearest(t.dn.parent); there != "" {
			fix += ", or correct users.dn_template if it is wrong: " + there
		}
	}
	end(&probeError{fix: fix}, detail)
}
