package ldap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shorepass/shorepass/connectors"
)

// The values of Config.Vendor.
const (
	vendorAD       = "active-directory"
	vendorOpenLDAP = "openldap"
	vendorFreeIPA  = "freeipa"
	vendor389      = "389ds"
)

func vendors() []string { return []string{vendorAD, vendorOpenLDAP, vendorFreeIPA, vendor389} }

// preset is what entries are like in a vendor's directories.
type preset struct {
	users  Users
	groups Groups
}

// presetOf returns what is set by a vendor; nothing where there is no such vendor.
func presetOf(vendor string) preset {
	switch vendor {
	case vendorAD:
		return preset{
			users: Users{
				// Computers are users, too, but no persons.
				Filter:            "(&(objectCategory=person)(objectClass=user))",
				UsernameAttribute: "sAMAccountName",
				LoginAttributes:   []string{"sAMAccountName", "userPrincipalName"},
				IDAttribute:       guidAttribute,
				Disabled:          disabledAD,
			},
			groups: Groups{
				// Security groups: who is on a distribution list is often anybody's to say.
				Filter:          "(&(objectClass=group)(groupType:1.2.840.113556.1.4.803:=2147483648))",
				MemberAttribute: "member", MemberValue: memberDN,
				// Unique in the domain, which cn is not.
				NameAttribute:    "sAMAccountName",
				PrimaryAttribute: primaryGroupID,
				// What Windows itself makes of groups of groups.
				FromAttribute: tokenGroups,
			},
		}
	case vendorOpenLDAP:
		return preset{
			users: Users{
				Filter:            "(objectClass=inetOrgPerson)",
				UsernameAttribute: "uid",
				IDAttribute:       "entryUUID",
				Disabled:          disabledPPolicy,
			},
			groups: Groups{Filter: "(objectClass=groupOfNames)", MemberAttribute: "member", MemberValue: memberDN, NameAttribute: "cn"},
		}
	case vendorFreeIPA:
		return preset{
			users: Users{
				Filter:            "(objectClass=inetOrgPerson)", // which copies of entries, below cn=compat, are not
				UsernameAttribute: "uid",
				IDAttribute:       "ipaUniqueID",
				Disabled:          disabled389,
			},
			// It keeps memberOf, nested groups included, for roles and rules too: those
			// are not below groups.base_dn.
			groups: Groups{FromAttribute: "memberOf", NameAttribute: "cn"},
		}
	case vendor389:
		return preset{
			users: Users{
				Filter:            "(|(objectClass=inetOrgPerson)(objectClass=nsPerson))", // the second by dsidm
				UsernameAttribute: "uid",
				IDAttribute:       "nsUniqueId",
				Disabled:          disabled389,
			},
			groups: Groups{Filter: "(objectClass=groupOfNames)", MemberAttribute: "member", MemberValue: memberDN, NameAttribute: "cn"},
		}
	}
	return preset{}
}

// adopt fills in what the vendor has and nobody has set, and returns it as "key: value".
func (c *Config) adopt() (set []string) {
	p := presetOf(c.Vendor)
	fill := func(key string, field *string, value string) {
		if *field == "" && value != "" {
			*field = value
			set = append(set, key+": "+value)
		}
	}
	u := &c.Users
	fill("users.filter", &u.Filter, p.users.Filter)
	fill("users.id_attribute", &u.IDAttribute, p.users.IDAttribute)
	if u.DNTemplate == "" { // which says the others itself, and has nobody looked up
		fill("users.username_attribute", &u.UsernameAttribute, p.users.UsernameAttribute)
		if u.LoginAttributes == nil && p.users.LoginAttributes != nil {
			u.LoginAttributes = p.users.LoginAttributes
			set = append(set, "users.login_attributes: ["+strings.Join(u.LoginAttributes, ", ")+"]")
		}
		fill("users.disabled", &u.Disabled, p.users.Disabled)
	}
	g := c.Groups
	if g == nil {
		return set
	}
	if !g.listed() && (g.Filter == "" || p.groups.byToken()) {
		fill("groups.from_attribute", &g.FromAttribute, p.groups.FromAttribute)
	}
	if g.listsNames() {
		if p.groups.NameAttribute != "" {
			fill("groups.name_attribute", &g.NameAttribute, "cn") // by which groups are named everywhere
		}
		return set
	}
	fill("groups.name_attribute", &g.NameAttribute, p.groups.NameAttribute)
	fill("groups.filter", &g.Filter, p.groups.Filter)
	if g.byToken() {
		return set
	}
	fill("groups.member_attribute", &g.MemberAttribute, p.groups.MemberAttribute)
	fill("groups.member_value", &g.MemberValue, p.groups.MemberValue)
	fill("groups.primary_attribute", &g.PrimaryAttribute, p.groups.PrimaryAttribute)
	return set
}

// listed reports whether something is set that belongs to a search for the groups that
// list a person.
func (g *Groups) listed() bool {
	return g.MemberAttribute != "" || g.MemberValue != "" || g.PrimaryAttribute != "" && g.PrimaryAttribute != primaryNone || g.Nested || g.InChain != nil
}

var _ connectors.Preset = (*Config)(nil)

// Preset returns what vendor sets.
func (c *Config) Preset() (by string, set []string) {
	if c.Vendor == "" {
		return "", nil
	}
	sample := *c
	if c.Groups != nil {
		groups := *c.Groups
		sample.Groups = &groups
	}
	return "vendor: " + c.Vendor, sample.adopt()
}

// validateVendor checks what belongs to a vendor.
func (c *Config) validateVendor(p *problems) {
	if c.Vendor != "" && !slices.Contains(vendors(), c.Vendor) {
		p.add("vendor", fmt.Sprintf("unknown vendor %q%s", c.Vendor, likeVendor(c.Vendor)))
	}
	const longest = 15 // MS-ADTS §3.1.1.1.5: a NetBIOS name
	_, ok := connectors.ASCIIUsernames.Parse(c.Domain)
	if c.Domain != "" && (!ok || strings.ContainsAny(c.Domain, "@.") || len(c.Domain) > longest) {
		p.add("domain", fmt.Sprintf("%q is not the short (NetBIOS) name of a domain, such as CORP: it has %d characters at most, and no dot", c.Domain, longest))
	}
}

// likeVendor ends a message about an unknown vendor. Active Directory has many names.
func likeVendor(name string) string {
	plain := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
	for vendor, names := range map[string][]string{
		vendorAD:       {"ad", "activedirectory", "microsoft", "msad", "samba", "samba4", "activedir"},
		vendorOpenLDAP: {"openldap", "slapd", "ldap"},
		vendorFreeIPA:  {"freeipa", "ipa", "idm", "redhatidm"},
		vendor389:      {"389ds", "389", "389directoryserver", "rhds", "dirsrv", "389dirsrv"},
	} {
		if slices.Contains(names, plain) {
			return fmt.Sprintf("; did you mean %q?", vendor)
		}
	}
	return "; the vendors are " + strings.Join(vendors(), ", ")
}
