package ldap

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// probeSample is how many entries a probe reads to learn what there is.
const probeSample = 100

var _ connectors.Prober = (*Directory)(nil)

// Probe does all that a login needs of each server but for a user's password, and
// says what of the configuration does not fit what the server holds.
func (d *Directory) Probe(ctx context.Context) error {
	var failed error
	for _, to := range d.servers.list {
		failed = errors.Join(failed, d.probeServer(ctx, to))
	}
	return failed
}

func (d *Directory) probeServer(ctx context.Context, to *server) error {
	s, err := d.dialService(ctx, to)
	if err != nil {
		return err
	}
	defer s.close()
	p := d.probe(ctx, s, d.config.searcher())
	if d.config.external() {
		p.whoAmI()
	}
	p.tree(d.config.usersTree())
	if d.config.Groups != nil {
		p.tree(d.config.groupsTree())
	}
	if to.address.isGlobalCatalog() {
		p.do("global catalog", d.config.globalCatalog)
	}
	if dn := d.config.Users.PasswordPolicy; dn != "" {
		p.do("password policy", func() (string, error) {
			if _, err := policyAt(ctx, p.search, dn, p.searcher); err != nil {
				return "users.password_policy", err // which names the DN
			}
			return dn, nil
		})
	}
	return p.failed
}

// probe looks around on one connection.
type probe struct {
	ctx      context.Context //nolint:containedctx // lives as long as one call of Probe
	finder   *finder
	session  *session
	config   *Config
	searcher string
	failed   error // of all steps
}

// probe returns a probe by whoever has signed in on a session.
func (f *finder) probe(ctx context.Context, s *session, searcher string) *probe {
	return &probe{ctx: ctx, finder: f, session: s, config: &f.config, searcher: searcher}
}

// probeError is what does not fit, and what to do about it.
type probeError struct {
	err error // nil: nothing is wrong, and fix is advice
	fix string
}

// Error says both.
func (e *probeError) Error() string {
	if e.err == nil {
		return e.fix
	}
	return e.err.Error() + ": " + e.fix
}

// Unwrap returns the cause.
func (e *probeError) Unwrap() error { return e.err }

// unfit is a *probeError of a text.
func unfit(fix, text string, args ...any) error {
	return &probeError{err: fmt.Errorf(text, args...), fix: fix}
}

// do runs one step. Advice is no failure.
func (p *probe) do(name string, look func() (detail string, err error)) (ok bool) {
	end := step(p.ctx, name)
	detail, err := look()
	if end != nil {
		end(err, detail)
	}
	if isFailure(err) {
		p.failed = errors.Join(p.failed, err)
		return false
	}
	return true
}

// whoAmI asks whom the directory takes the client certificate for (RFC 4532). Not
// every directory can say.
func (p *probe) whoAmI() {
	var who string
	end := step(p.ctx, "who am I")
	err := p.session.do(p.ctx, func(c *ldap.Conn) error {
		result, err := c.WhoAmI(nil)
		if err == nil {
			who = result.AuthzID
		}
		return err
	})
	if err == nil && end != nil {
		end(nil, firstWords(who))
	}
}

// tree is one of the subtrees that a configuration names.
type tree struct {
	key        string // users or groups: where in the configuration
	what       string // what its entries are
	base       string
	scope      int
	filter     string // empty: nothing is searched there
	attributes []attribute
	noted      notes  // that entries may have
	tokens     string // the attribute that each entry lists its groups in, when it is asked for alone
}

// attribute is one that entries are to have.
type attribute struct {
	key, name string
	fits      func(p *probe, found []*ldap.Entry) error // fails where the values cannot be what they are for; may be nil
}

func (c *Config) usersTree() tree {
	u := &c.Users
	t := tree{key: "users", what: "people", base: u.BaseDN, scope: searchScope(u.Scope), filter: u.Filter}
	t.want("users.username_attribute", u.UsernameAttribute, (*probe).usernamesOf)
	t.want("users.id_attribute", u.IDAttribute, nil)
	for _, name := range u.LoginAttributes {
		if !strings.EqualFold(name, u.UsernameAttribute) {
			t.want("users.login_attributes", name, nil)
		}
	}
	t.noted = u.noted()
	if g := c.Groups; g != nil {
		if g.byToken() {
			t.tokens = g.FromAttribute
		} else {
			t.want("groups.from_attribute", g.FromAttribute, (*probe).listedGroups)
		}
		t.want("groups.primary_attribute", g.PrimaryAttribute, nil)
		if g.primaryBySID() {
			t.want("groups.primary_attribute", sidAttribute, nil)
		}
	}
	return t
}

// want adds an attribute, if it is configured.
func (t *tree) want(key, name string, fits func(*probe, []*ldap.Entry) error) {
	if name != "" {
		t.attributes = append(t.attributes, attribute{key, name, fits})
	}
}

func (c *Config) groupsTree() tree {
	g := c.Groups
	t := tree{key: "groups", what: "groups", base: g.BaseDN, scope: searchScope(g.Scope)}
	if g.byToken() {
		t.filter = g.Filter
		t.want("groups.name_attribute", g.NameAttribute, nil)
		t.want("groups.from_attribute", sidAttribute, nil)
	} else if g.FromAttribute == "" {
		t.filter = g.Filter
		t.want("groups.name_attribute", g.NameAttribute, nil)
		t.want("groups.member_attribute", g.MemberAttribute, (*probe).listedMembers)
		if g.primaryBySID() {
			t.want("groups.primary_attribute", sidAttribute, nil)
		} else {
			t.want("groups.primary_attribute", g.PrimaryAttribute, nil)
		}
	}
	return t
}

// tree looks whether the base is there, whether the filter matches anything, and
// whether what it matches has the attributes.
func (p *probe) tree(t tree) {
	if !p.do(t.key+" base", func() (string, error) { return t.base, p.base(t) }) || t.filter == "" {
		return
	}
	var found []*ldap.Entry
	matches := func() (detail string, err error) {
		found, detail, err = p.matches(t)
		return detail, err
	}
	if !p.do(t.key+" filter", matches) {
		return
	}
	for _, a := range t.attributes {
		p.do(t.key+" "+a.name, func() (string, error) { return p.has(t, found, a) })
	}
	if t.tokens != "" {
		p.do(t.key+" "+t.tokens, func() (string, error) { return p.tokens(t, found) })
	}
	if len(t.noted.attributes) > 0 {
		p.do(t.key+" state", func() (string, error) { return p.notes(t.noted, found) })
	}
}
