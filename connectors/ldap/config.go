package ldap

import (
	"slices"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// Config is the `config` of a connector of type ldap. What has a default has it where
// it is the zero value, in a Config made by hand as in that of DefaultConfig. In a
// file an empty text is a mistake, which the loader refuses: a filter of "" is not
// meant to be the default one.
type Config struct {
	// Vendor is the product that the directory is: active-directory, openldap, freeipa or
	// 389ds. It sets what people's entries and groups are like there; each key that is
	// written counts instead. See presets.go. Default: none, so that the defaults below
	// hold.
	Vendor string `yaml:"vendor"`

	// URL is the directory's address: ldaps://HOST, whose port is 636 unless it is
	// named, or ldap://HOST, whose port is 389. HOST must be a name or address that
	// the server's certificate carries. An IPv6 address stands in brackets.
	//
	// A list names several servers of one directory, the preferred one first: where
	// one does not work the next is asked, until the first works again. They hold the
	// same entries, and all settings here go for all of them.
	URL connectors.OneOrMany `yaml:"url"`

	// StartTLS turns ldap:// connections into encrypted ones before anything
	// else is sent. Default: false.
	StartTLS bool `yaml:"start_tls"`

	// CAFile is a PEM file with the certificates of the authorities that may have
	// signed the server's certificate. Default: the system's.
	CAFile connectors.Path `yaml:"ca_file"`

	// InsecurePlaintext must be true for ldap:// without start_tls, by which
	// passwords cross the network in clear; a loopback address needs no such word.
	// Default: false.
	InsecurePlaintext bool `yaml:"insecure_plaintext"`

	// ClientCertificate is presented to servers that ask for a certificate. Without
	// bind_dn and bind_password it is the service account, too, by SASL EXTERNAL
	// (RFC 4513 §5.2.3): the directory maps its subject to an entry. Default: none.
	ClientCertificate *ClientCertificate `yaml:"client_certificate"`

	// BindDN is the service account that searches. It needs to read the attributes
	// named below and to search users and groups; it needs no right to passwords. With
	// vendor active-directory it may be a user principal name or DOMAIN\name, too.
	BindDN string `yaml:"bind_dn"`

	// BindPassword is the service account's password.
	BindPassword connectors.Secret `yaml:"bind_password"`

	// AnonymousSearch must be true for searches without an account, where the directory
	// lets anybody search; bind_dn and bind_password are left out then. Default: false.
	AnonymousSearch bool `yaml:"anonymous_search"`

	// Domain is the short (NetBIOS) name of an Active Directory domain, such as CORP:
	// CORP\alice may be typed for alice then. Default: no backslash is taken.
	Domain string `yaml:"domain"`

	// Users says where people's entries are.
	Users Users `yaml:"users"`

	// Groups says where their groups are. Default: nobody has any.
	Groups *Groups `yaml:"groups"`
}

// Users says where people's entries are and what to read of them.
type Users struct {
	// DNTemplate is the DN of a person's entry with {username} in place of the name,
	// for directories where nobody may search: uid={username},ou=people,dc=example. The
	// first component is {username} alone, in the username_attribute. Each person's own
	// connection reads the entry and the groups; bind_dn, base_dn, login_attributes and
	// scope are left out then. Default: people are searched.
	DNTemplate string `yaml:"dn_template"`

	// BaseDN is the entry below which people are searched.
	BaseDN string `yaml:"base_dn"`

	// Filter is what an entry must match (RFC 4515) to be somebody who can sign in.
	// Default: (objectClass=inetOrgPerson).
	Filter string `yaml:"filter"`

	// UsernameAttribute holds the canonical user name, which tokens and rules carry
	// in lower case. Of several values, the one that the entry is named by counts,
	// else the first in alphabetical order. Default: uid, or the one of dn_template.
	UsernameAttribute string `yaml:"username_attribute"`

	// LoginAttributes are what a person may type as user name; an entry that has the
	// name in any of them is found. The username_attribute, where it is in the list,
	// comes first: the others say something where it finds nobody. Default: the
	// username_attribute.
	LoginAttributes []string `yaml:"login_attributes"`

	// Scope is sub, the whole subtree of base_dn, or one, its direct children only.
	// Default: sub.
	Scope string `yaml:"scope"`

	// IDAttribute holds a text that never changes and is never given to another
	// entry: by it, an account stays the same when it is renamed. Active Directory's
	// objectGUID, which is no text, is written as a GUID. Default: entryUUID (RFC 4530).
	IDAttribute string `yaml:"id_attribute"`

	// Disabled says what tells, without a password, that a person may not sign in: none,
	// nothing but Filter; ppolicy, what OpenLDAP's password policy notes in the entry;
	// active-directory, userAccountControl and what Active Directory makes of it; 389ds,
	// what 389 Directory Server and FreeIPA note. Default: none.
	Disabled string `yaml:"disabled"`

	// PasswordPolicy is the DN of the policy that holds where an entry names none
	// (pwdPolicySubentry): slapd's ppolicy_default. Only with disabled: ppolicy.
	// Default: not known, so that every lock counts and no age of a password.
	PasswordPolicy string `yaml:"password_policy"`
}

// Groups says where groups come from: a search for those that list the person, or,
// with from_attribute, an attribute of the person's entry that lists the groups.
// Their names are lower-cased.
type Groups struct {
	// BaseDN is the entry below which groups are searched. With from_attribute, only
	// groups below it count. A group's name is all that counts of it, wherever it is: who
	// may create entries anywhere below BaseDN can give anybody any group's name.
	BaseDN string `yaml:"base_dn"`

	// Scope is sub, the whole subtree of BaseDN, or one, its direct children only; also
	// with from_attribute. Default: sub.
	Scope string `yaml:"scope"`

	// Filter is what a group must match (RFC 4515). Not with from_attribute, but for
	// tokenGroups.
	// Default: (objectClass=groupOfNames).
	Filter string `yaml:"filter"`

	// MemberAttribute is where a group lists its members. Not with from_attribute.
	// Default: member.
	MemberAttribute string `yaml:"member_attribute"`

	// MemberValue is what stands there: dn, or username, as in the memberUid of a
	// posixGroup. Not with from_attribute. Default: dn.
	MemberValue string `yaml:"member_value"`

	// NameAttribute holds a group's name. With from_attribute it is the attribute
	// that group entries are named by, and the name is taken from the DN alone, but for
	// tokenGroups. Of
	// several values one counts, as for username_attribute. Default: cn.
	NameAttribute string `yaml:"name_attribute"`

	// Nested counts the groups that a person's groups are members of, and so on, 10
	// levels deep at most; circles do no harm. Only with member_value dn.
	// Default: false.
	Nested bool `yaml:"nested"`

	// InChain counts the groups that a chain of groups leads to, and has the directory
	// follow it, however deep: Active Directory's matching rule 1.2.840.113556.1.4.1941.
	// Groups that do not match Filter, or are not below BaseDN, are links of a chain all
	// the same. Only with member_value dn, and without nested. Default: false.
	InChain *bool `yaml:"in_chain"`

	// PrimaryAttribute is an attribute of the person's entry that names a group which
	// need not list the person, by the value that the group has in the same attribute:
	// gidNumber, for the primary group of a posixAccount. Active Directory's
	// primaryGroupID is told by its name: it is the last number of the group's objectSid.
	// People must not be able to write it. Not with from_attribute. "none" for none,
	// whatever the vendor. Default: only groups that list the person count.
	PrimaryAttribute string `yaml:"primary_attribute"`

	// FromAttribute is the attribute of the person's entry that lists the DNs of the
	// groups, such as memberOf. Active Directory's tokenGroups is told by its name: it
	// lists the security identifiers of all groups that count in Windows, through others
	// and the primary one included; those below BaseDN that match Filter are looked up.
	// Default: groups are searched.
	FromAttribute string `yaml:"from_attribute"`
}

// The values of Users.Scope, Groups.Scope and Groups.MemberValue, and one of
// Groups.PrimaryAttribute.
const (
	scopeSub = "sub"
	scopeOne = "one"

	memberDN       = "dn"
	memberUsername = "username"

	primaryNone = "none" // Groups.PrimaryAttribute, written
)

// DefaultConfig returns a configuration in which nothing is set. What the defaults are
// follows other keys: see WithDefaults.
func DefaultConfig() *Config { return new(Config) }

// WithDefaults returns the configuration with what is empty filled in: as the vendor has
// it, if one is named, else with the defaults.
func (c Config) WithDefaults() Config {
	if c.Groups != nil {
		g := *c.Groups
		c.Groups = &g
	}
	c.adopt()
	u := &c.Users
	setDefault(&u.Filter, "(objectClass=inetOrgPerson)")
	setDefault(&u.IDAttribute, "entryUUID")
	setDefault(&u.Disabled, disabledNone)
	if u.DNTemplate != "" {
		t, _ := parseTemplate(u.DNTemplate)
		setDefault(&u.UsernameAttribute, t.attribute)
	} else {
		setDefault(&u.UsernameAttribute, "uid")
		setDefault(&u.Scope, scopeSub)
		if u.LoginAttributes == nil {
			u.LoginAttributes = []string{u.UsernameAttribute}
		}
	}
	g := c.Groups
	if g == nil {
		return c
	}
	setDefault(&g.Scope, scopeSub)
	setDefault(&g.NameAttribute, "cn")
	if g.PrimaryAttribute == primaryNone && !g.byToken() {
		g.PrimaryAttribute = ""
	}
	switch {
	case g.byToken():
		setDefault(&g.Filter, "(objectClass=group)")
	case g.FromAttribute == "":
		setDefault(&g.Filter, "(objectClass=groupOfNames)")
		setDefault(&g.MemberAttribute, "member")
		setDefault(&g.MemberValue, memberDN)
	}
	return c
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// searchScope is a scope as searches have it.
func searchScope(scope string) int {
	if scope == scopeOne {
		return ldap.ScopeSingleLevel
	}
	return ldap.ScopeWholeSubtree
}

// HasGroups reports whether groups are looked up.
func (c *Config) HasGroups() bool { return c.Groups != nil }

// inChain reports whether the directory follows groups of groups.
func (g *Groups) inChain() bool { return g.InChain != nil && *g.InChain }

// listsNames reports whether people's entries list their groups by their names, as DNs.
func (g *Groups) listsNames() bool { return g != nil && g.FromAttribute != "" && !g.byToken() }

// ofPeople returns the attributes of people's entries that groups depend on.
func (g *Groups) ofPeople() []string {
	if g == nil {
		return nil
	}
	names := []string{g.PrimaryAttribute}
	if g.listsNames() { // tokenGroups is sent of one entry alone that is asked for
		names = append(names, g.FromAttribute)
	}
	if g.primaryBySID() {
		names = append(names, sidAttribute)
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// EndsChain reports whether the connector cannot tell who is unknown.
func (c *Config) EndsChain() bool { return c.Users.DNTemplate != "" }

// Who searches, in messages.
const (
	service   = "the service account"
	anonymous = "anonymous clients" // with anonymous_search
	selves    = "people themselves" // with dn_template
)

// searcher is who searches.
func (c *Config) searcher() string {
	switch {
	case c.Users.DNTemplate != "":
		return selves
	case c.AnonymousSearch:
		return anonymous
	}
	return service
}
