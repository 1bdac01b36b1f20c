package ldap

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// placeholder is what stands for the user name in users.dn_template.
const placeholder = "{username}"

// dnTemplate is a parsed users.dn_template.
type dnTemplate struct {
	before, after string
	attribute     string // that people are named by
	parent        string // the DN above theirs; may be empty
}

// parseTemplate wants a DN whose first component is {username} alone: another
// component, or a part of a value, would make another name of the user's.
func parseTemplate(text string) (dnTemplate, error) {
	before, after, found := strings.Cut(text, placeholder)
	if !found || strings.Contains(after, placeholder) {
		return dnTemplate{}, fmt.Errorf("%q must have %s once, as in uid=%[2]s,ou=people,dc=example,dc=org", text, placeholder)
	}
	const sample = "sample"
	dn, err := ldap.ParseDN(before + sample + after)
	switch {
	case err != nil:
		return dnTemplate{}, fmt.Errorf("%q is not a DN such as uid=%s,ou=people,dc=example,dc=org: %w", text, placeholder, err)
	case len(dn.RDNs[0].Attributes) != 1 || dn.RDNs[0].Attributes[0].Value != sample:
		return dnTemplate{}, fmt.Errorf("%q must begin with one attribute that is %s and nothing else, as in uid=%[2]s,ou=people,dc=example,dc=org", text, placeholder)
	}
	attribute := dn.RDNs[0].Attributes[0].Type
	if !isAttributeName(attribute) {
		return dnTemplate{}, errors.New(notAnAttribute(attribute))
	}
	return dnTemplate{before, after, attribute, (&ldap.DN{RDNs: dn.RDNs[1:]}).String()}, nil
}

// of returns the DN of a user name's entry.
func (t dnTemplate) of(username string) string {
	return t.before + ldap.EscapeDN(username) + t.after // RFC 4514 §2.4
}

// validateTemplate checks dn_template, and that nothing speaks of a search.
func (u *Users) validateTemplate(p *problems) {
	t, err := parseTemplate(u.DNTemplate)
	switch {
	case err != nil:
		p.add("users.dn_template", err.Error())
	case !strings.EqualFold(t.attribute, u.UsernameAttribute):
		p.add("users.username_attribute", fmt.Sprintf("is %s, and dn_template finds people by their %s: remove one of the two, or make them agree", u.UsernameAttribute, t.attribute))
	}
	p.filter("users.filter", u.Filter, "people are found by dn_template")
	const because = "dn_template, by which nobody searches"
	p.unless(u.BaseDN == "", "users.base_dn", because)
	p.unless(u.LoginAttributes == nil, "users.login_attributes", because)
	p.unless(u.Scope == "", "users.scope", because)
}
