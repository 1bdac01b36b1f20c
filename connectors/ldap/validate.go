package ldap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

var (
	_ connectors.Validator = (*Config)(nil)
	_ connectors.Connected = (*Config)(nil)
)

// Validate returns what is wrong with the configuration, without I/O.
func (c *Config) Validate() []connectors.FieldProblem {
	full := c.WithDefaults()
	var p problems
	full.validateVendor(&p)
	full.validateServers(&p)
	full.ClientCertificate.validate(&p)
	full.validateService(&p)
	full.Users.validate(&p)
	if full.Groups != nil {
		full.Groups.validate(&p)
	}
	return p
}

// validateServers checks the addresses, each alone and all together.
func (c *Config) validateServers(p *problems) {
	if len(c.URL) == 0 {
		p.add("url", "is required: the directory's address, such as ldaps://ldap.example.org")
		return
	}
	var known []address
	for i, url := range c.URL {
		field := "url"
		if len(c.URL) > 1 {
			field = fmt.Sprintf("url[%d]", i)
		}
		a, err := parseAddress(url)
		switch {
		case url == "":
			p.add(field, "is required: the directory's address, such as ldaps://ldap.example.org")
		case err != nil:
			p.add(field, err.Error())
		case slices.ContainsFunc(known, a.same):
			p.add(field, fmt.Sprintf("%s is in the list already: each server is named once", a))
		case !a.tls && !c.StartTLS && !c.InsecurePlaintext && !a.loopback():
			p.add(field, "ldap:// without start_tls sends passwords in clear: use ldaps:// or start_tls: true; insecure_plaintext: true accepts the risk")
		}
		if err == nil {
			known = append(known, a)
		}
	}
	if len(known) == len(c.URL) {
		c.validateEncryption(p, known)
	}
}

// validateEncryption checks what is said about TLS against the addresses.
func (c *Config) validateEncryption(p *problems, all []address) {
	ldaps := 0
	for _, a := range all {
		if a.tls {
			ldaps++
		}
	}
	encrypted := ldaps > 0 || c.StartTLS
	if c.ClientCertificate != nil && !c.StartTLS && ldaps < len(all) {
		p.add("client_certificate", "is of no use without TLS: use ldaps:// or start_tls: true for every url, or remove it")
	}
	switch {
	case c.StartTLS && ldaps == len(all):
		p.add("start_tls", "ldaps:// is encrypted from the start: remove start_tls, or use ldap://")
	case encrypted && c.InsecurePlaintext:
		p.add("insecure_plaintext", "contradicts the encryption that url or start_tls asks for: remove it")
	case !encrypted && c.CAFile != "":
		p.add("ca_file", "is of no use without TLS: use ldaps:// or start_tls: true, or remove it")
	}
}

// validateService checks who searches.
func (c *Config) validateService(p *problems) {
	template := c.Users.DNTemplate != ""
	switch {
	case template || c.AnonymousSearch:
		because := "anonymous_search, by which nobody signs in to search"
		if template {
			because = "users.dn_template, by which nobody searches"
			p.unless(!c.AnonymousSearch, "anonymous_search", because)
		}
		p.unless(c.BindDN == "", "bind_dn", because)
		p.unless(c.BindPassword.Reveal() == "", "bind_password", because)
		return
	case c.external():
		return
	}
	instead := []string{"anonymous_search", "client_certificate", "users.dn_template"}
	switch logon := isLogonName(c.BindDN); {
	case c.Vendor == vendorAD && logon:
	case c.Vendor == vendorAD && c.BindDN != "" && !strings.Contains(c.BindDN, "="):
		p.add("bind_dn", fmt.Sprintf("%q is neither a DN nor a user principal name such as shorepass@corp.example nor DOMAIN\\name", c.BindDN))
	case logon:
		p.add("bind_dn", fmt.Sprintf("%q is no DN; Active Directory takes such a name: set vendor: active-directory, if that is what the directory is", c.BindDN))
	default:
		p.dn("bind_dn", c.BindDN, "the DN of the account that searches; where there is none, see client_certificate, anonymous_search and users.dn_template", instead...)
	}
	if c.BindPassword.Blank() {
		p.add("bind_password", "is required: the password of bind_dn", instead...)
	}
}

func (u *Users) validate(p *problems) {
	if u.DNTemplate != "" {
		u.validateTemplate(p)
	} else {
		u.validateSearch(p)
	}
	p.attribute("users.id_attribute", u.IDAttribute)
	u.validateDisabled(p)
}

func (u *Users) validateSearch(p *problems) {
	p.dn("users.base_dn", u.BaseDN, "the entry below which people are searched", "users.dn_template")
	p.filter("users.filter", u.Filter, "people are found by login_attributes")
	p.attribute("users.username_attribute", u.UsernameAttribute)
	if len(u.LoginAttributes) == 0 {
		p.add("users.login_attributes", "is an empty list, by which nobody could be found: name an attribute, or remove the key and have username_attribute")
	}
	for i, name := range u.LoginAttributes {
		p.attribute(fmt.Sprintf("users.login_attributes[%d]", i), name)
	}
	p.scope("users.scope", u.Scope)
}

func (g *Groups) validate(p *problems) {
	p.dn("groups.base_dn", g.BaseDN, "the entry below which groups count")
	p.scope("groups.scope", g.Scope)
	p.attribute("groups.name_attribute", g.NameAttribute)
	if g.FromAttribute != "" {
		g.validateFromAttribute(p)
		return
	}
	p.filter("groups.filter", g.Filter, "groups are found by member_attribute")
	if g.MemberValue == memberUsername && (strings.EqualFold(g.MemberAttribute, "member") || strings.EqualFold(g.MemberAttribute, "uniqueMember")) {
		p.add("groups.member_value", fmt.Sprintf("%s holds DNs, and nobody's user name: set member_value: dn, or name the attribute that holds user names in member_attribute, such as memberUid", g.MemberAttribute))
	}
	p.attribute("groups.member_attribute", g.MemberAttribute)
	if g.MemberValue != memberDN && g.MemberValue != memberUsername {
		p.add("groups.member_value", fmt.Sprintf("%q is neither dn nor username", g.MemberValue))
	}
	if g.PrimaryAttribute != "" {
		p.attribute("groups.primary_attribute", g.PrimaryAttribute)
	}
	const byDN = "needs member_value: dn, since a group is listed in another by its DN"
	if g.Nested && g.MemberValue == memberUsername {
		p.add("groups.nested", byDN)
	}
	switch {
	case !g.inChain():
	case g.Nested:
		p.add("groups.in_chain", "finds what nested finds, and at once: remove one of the two")
	case g.MemberValue == memberUsername:
		p.add("groups.in_chain", byDN)
	}
}

func (g *Groups) validateFromAttribute(p *problems) {
	p.attribute("groups.from_attribute", g.FromAttribute)
	searchOnly := []struct {
		key string
		set bool
	}{
		{"filter", g.Filter != "" && !g.byToken()},
		{"member_attribute", g.MemberAttribute != ""},
		{"member_value", g.MemberValue != ""},
		{"nested", g.Nested},
		{"in_chain", g.inChain()},
		{"primary_attribute", g.PrimaryAttribute != "" && g.PrimaryAttribute != primaryNone},
	}
	switch {
	case g.byToken():
		p.filter("groups.filter", g.Filter, "groups are found by their objectSid")
		if g.PrimaryAttribute == primaryNone {
			p.add("groups.primary_attribute", fmt.Sprintf("%s lists the primary group and those that it is in: leave it out by groups.filter, or have groups searched, by nested: true", g.FromAttribute))
		}
	case strings.EqualFold(g.NameAttribute, "sAMAccountName"):
		p.add("groups.name_attribute", fmt.Sprintf("no entry is named by %s: of %s, which lists DNs, the name is what stands there, cn; or remove from_attribute", g.NameAttribute, g.FromAttribute))
	}
	for _, f := range searchOnly {
		if f.set {
			p.add("groups."+f.key, "belongs to a search for groups and has no meaning with from_attribute: remove one of the two")
		}
	}
}

// problems collects what Validate finds.
type problems []connectors.FieldProblem

func (p *problems) add(field, message string, instead ...string) {
	*p = append(*p, connectors.FieldProblem{Field: field, Message: message, Instead: instead})
}

// unless wants a setting to be absent because of another.
func (p *problems) unless(absent bool, field, because string) {
	if !absent {
		p.add(field, "has no meaning with "+because+": remove one of the two")
	}
}

// dn wants a DN of one component at least, unless another key is there instead.
func (p *problems) dn(field, value, meaning string, instead ...string) {
	if strings.TrimSpace(value) == "" {
		p.add(field, "is required: "+meaning, instead...)
		return
	}
	if _, err := ldap.ParseDN(value); err != nil {
		p.add(field, fmt.Sprintf("%q is not a DN such as ou=people,dc=example,dc=org: %v", value, err))
	}
}

// isLogonName reports whether an account is written as Active Directory takes it besides
// a DN: as a user principal name, or as DOMAIN\name.
func isLogonName(account string) bool {
	return !strings.Contains(account, "=") && strings.ContainsAny(account, "@\\") && strings.Trim(account, "@\\") == account
}

// filter wants a filter that is the same for everybody: a name is not put into it. found
// says how entries are found instead.
func (p *problems) scope(field, value string) {
	if value != scopeSub && value != scopeOne {
		p.add(field, fmt.Sprintf("%q is neither sub nor one", value))
	}
}

func (p *problems) filter(field, value, found string) {
	_, err := ldap.CompileFilter(value)
	switch {
	case err != nil:
		p.add(field, fmt.Sprintf("%q is not an LDAP filter such as (objectClass=inetOrgPerson): %v", value, filterFault(err)))
	case strings.Contains(value, placeholder):
		p.add(field, fmt.Sprintf("%q has %s, and nothing is put in its place: remove it; %s", value, placeholder, found))
	}
}

// filterFault returns what the library found, without the name of its own error code.
func filterFault(err error) string {
	_, fault, _ := strings.Cut(err.Error(), "ldap: ")
	return fault
}

func (p *problems) attribute(field, name string) {
	if !isAttributeName(name) {
		p.add(field, notAnAttribute(name))
	}
}

func notAnAttribute(name string) string {
	if name != "" && strings.Trim(name, ".0123456789") == "" {
		return fmt.Sprintf("%q is the number of an LDAP attribute: write its name, such as uid", name)
	}
	return fmt.Sprintf("%q is not the name of an LDAP attribute, such as uid", name)
}

// isAttributeName reports whether name is a short name (RFC 4512 §1.4), without
// options. Numeric OIDs are not taken: servers answer with the short name.
func isAttributeName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != ""
}
