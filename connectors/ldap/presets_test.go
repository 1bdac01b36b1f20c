package ldap_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// TestPresets holds what each vendor sets, and that it says so.
func TestPresets(t *testing.T) {
	for vendor, want := range map[string][]string{
		"active-directory": {
			"users.filter: (&(objectCategory=person)(objectClass=user))", "users.id_attribute: objectGUID",
			"users.username_attribute: sAMAccountName", "users.login_attributes: [sAMAccountName, userPrincipalName]",
			"users.disabled: active-directory", "groups.from_attribute: tokenGroups", "groups.name_attribute: sAMAccountName",
			"groups.filter: (&(objectClass=group)(groupType:1.2.840.113556.1.4.803:=2147483648))",
		},
		"openldap": {
			"users.filter: (objectClass=inetOrgPerson)", "users.id_attribute: entryUUID", "users.username_attribute: uid", "users.disabled: ppolicy",
			"groups.name_attribute: cn", "groups.filter: (objectClass=groupOfNames)", "groups.member_attribute: member", "groups.member_value: dn",
		},
		"freeipa": {
			"users.filter: (objectClass=inetOrgPerson)", "users.id_attribute: ipaUniqueID", "users.username_attribute: uid", "users.disabled: 389ds",
			"groups.from_attribute: memberOf", "groups.name_attribute: cn",
		},
		"389ds": {
			"users.filter: (|(objectClass=inetOrgPerson)(objectClass=nsPerson))", "users.id_attribute: nsUniqueId", "users.username_attribute: uid", "users.disabled: 389ds",
			"groups.name_attribute: cn", "groups.filter: (objectClass=groupOfNames)", "groups.member_attribute: member", "groups.member_value: dn",
		},
	} {
		cfg := config("ldaps://h")
		cfg.Vendor, cfg.Groups = vendor, &ldap.Groups{BaseDN: "ou=groups,dc=example"}
		by, set := cfg.Preset()
		if by != "vendor: "+vendor || !slices.Equal(set, want) {
			t.Errorf("%s: Preset() = %s\n got %q\nwant %q", vendor, by, set, want)
		}
		if got := cfg.Validate(); len(got) > 0 {
			t.Errorf("%s: Validate() = %q", vendor, got)
		}
		if cfg.Users.Filter != "" || cfg.Groups.NameAttribute != "" || cfg.Groups.InChain != nil {
			t.Errorf("%s: the configuration itself was changed: %+v", vendor, cfg)
		}
	}
	if by, set := config("ldaps://h").Preset(); by != "" || set != nil {
		t.Errorf("without a vendor: Preset() = %q, %q", by, set)
	}
}

// TestPresetsGiveWay holds that what is written counts, and that nothing is set which
// contradicts it.
func TestPresetsGiveWay(t *testing.T) {
	no, yes := false, true
	written := ldap.Config{
		Vendor: "active-directory",
		Users:  ldap.Users{Filter: "(a=1)", UsernameAttribute: "b", LoginAttributes: []string{"c"}, IDAttribute: "d", Disabled: "none", Scope: "one"},
		Groups: &ldap.Groups{
			BaseDN: "ou=g", Scope: "one", Filter: "(e=1)", MemberAttribute: "f", MemberValue: "dn", NameAttribute: "g", PrimaryAttribute: "h", InChain: &no,
		},
	}
	if full := written.WithDefaults(); !reflect.DeepEqual(full, written) {
		t.Errorf("what is written became %+v %+v", full, full.Groups)
	}
	if _, set := written.Preset(); len(set) > 0 {
		t.Errorf("what is written was set again: %q", set)
	}
	const security = "groups.filter: (&(objectClass=group)(groupType:1.2.840.113556.1.4.803:=2147483648))"
	inAD := []string{"groups.name_attribute: sAMAccountName", security, "groups.member_attribute: member", "groups.member_value: dn", "groups.primary_attribute: primaryGroupID"}
	for name, c := range map[string]struct {
		vendor string
		groups ldap.Groups
		set    []string // of groups
	}{
		"memberOf":               {"active-directory", ldap.Groups{FromAttribute: "memberOf"}, []string{"groups.name_attribute: cn"}},
		"nested":                 {"active-directory", ldap.Groups{Nested: true}, inAD},
		"in chain":               {"active-directory", ldap.Groups{InChain: &yes}, inAD},
		"no chain":               {"active-directory", ldap.Groups{InChain: &no}, inAD},
		"nested, none primary":   {"active-directory", ldap.Groups{Nested: true, PrimaryAttribute: "none"}, inAD[:4]},
		"memberOf, none primary": {"active-directory", ldap.Groups{FromAttribute: "memberOf", PrimaryAttribute: "none"}, []string{"groups.name_attribute: cn"}},
		"members by user name": {
			"active-directory",
			ldap.Groups{MemberAttribute: "memberUid", MemberValue: "username"},
			[]string{"groups.name_attribute: sAMAccountName", security, "groups.primary_attribute: primaryGroupID"},
		},
		"a filter":               {"active-directory", ldap.Groups{Filter: "(a=1)"}, []string{"groups.from_attribute: tokenGroups", "groups.name_attribute: sAMAccountName"}},
		"a search in FreeIPA":    {"freeipa", ldap.Groups{Nested: true}, []string{"groups.name_attribute: cn"}},
		"a filter in FreeIPA":    {"freeipa", ldap.Groups{Filter: "(objectClass=ipaUserGroup)"}, []string{"groups.name_attribute: cn"}},
		"memberOf in OpenLDAP":   {"openldap", ldap.Groups{FromAttribute: "memberOf"}, []string{"groups.name_attribute: cn"}},
		"tokens under no vendor": {"", ldap.Groups{FromAttribute: "tokenGroups"}, nil},
	} {
		cfg := config("ldaps://h")
		cfg.Vendor, cfg.Groups = c.vendor, &c.groups
		c.groups.BaseDN = "ou=groups,dc=example"
		_, set := cfg.Preset()
		set = slices.DeleteFunc(set, func(s string) bool { return !strings.HasPrefix(s, "groups.") })
		if !slices.Equal(set, c.set) {
			t.Errorf("%s: set\n%q, want\n%q", name, set, c.set)
		}
		if got := cfg.Validate(); len(got) > 0 {
			t.Errorf("%s: Validate() = %q", name, got)
		}
	}
}

// TestPresetOfATemplate holds that a vendor sets nothing that dn_template says.
func TestPresetOfATemplate(t *testing.T) {
	cfg := templateConfig("ldaps://h")
	cfg.Vendor = "openldap"
	if _, set := cfg.Preset(); !slices.Equal(set, []string{"users.filter: (objectClass=inetOrgPerson)", "users.id_attribute: entryUUID"}) {
		t.Errorf("Preset() = %q", set)
	}
	if got := cfg.Validate(); len(got) > 0 {
		t.Errorf("Validate() = %q", got)
	}
}

func TestValidateVendor(t *testing.T) {
	const noDomain = " is not the short (NetBIOS) name of a domain, such as CORP: it has 15 characters at most, and no dot"
	for name, c := range map[string]struct {
		edit func(*ldap.Config)
		want []connectors.FieldProblem
	}{
		"Active Directory": {func(c *ldap.Config) { c.Vendor, c.Domain = "active-directory", "CORP" }, nil},
		"a principal name": {func(c *ldap.Config) { c.Vendor, c.BindDN = "active-directory", "shorepass@corp.example" }, nil},
		"a logon name":     {func(c *ldap.Config) { c.Vendor, c.BindDN = "active-directory", `CORP\shorepass` }, nil},
		"a bare name": {
			func(c *ldap.Config) { c.Vendor, c.BindDN = "active-directory", "shorepass" },
			faults("bind_dn", `"shorepass" is neither a DN nor a user principal name such as shorepass@corp.example nor DOMAIN\name`),
		},
		"no name": {
			func(c *ldap.Config) { c.Vendor, c.BindDN = "active-directory", "@corp.example" },
			faults("bind_dn", `"@corp.example" is neither a DN nor a user principal name such as shorepass@corp.example nor DOMAIN\name`),
		},
		"a principal name elsewhere": {
			func(c *ldap.Config) { c.BindDN = "shorepass@corp.example" },
			faults("bind_dn", `"shorepass@corp.example" is no DN; Active Directory takes such a name: set vendor: active-directory, if that is what the directory is`),
		},
		"a nickname":         {func(c *ldap.Config) { c.Vendor = "Active_Directory" }, faults("vendor", `unknown vendor "Active_Directory"; did you mean "active-directory"?`)},
		"of IPA":             {func(c *ldap.Config) { c.Vendor = "ipa" }, faults("vendor", `unknown vendor "ipa"; did you mean "freeipa"?`)},
		"of 389":             {func(c *ldap.Config) { c.Vendor = "389-ds" }, faults("vendor", `unknown vendor "389-ds"; did you mean "389ds"?`)},
		"no vendor":          {func(c *ldap.Config) { c.Vendor = "x" }, faults("vendor", `unknown vendor "x"; the vendors are active-directory, openldap, freeipa, 389ds`)},
		"the longest domain": {func(c *ldap.Config) { c.Domain = "ABCDEFGHIJKLMNO" }, nil},
		"a longer domain":    {func(c *ldap.Config) { c.Domain = "ABCDEFGHIJKLMNOP" }, faults("domain", `"ABCDEFGHIJKLMNOP"`+noDomain)},
		"a DNS domain":       {func(c *ldap.Config) { c.Domain = "corp.example" }, faults("domain", `"corp.example"`+noDomain)},
		"a backslash":        {func(c *ldap.Config) { c.Domain = `CORP\` }, faults("domain", `"CORP\\"`+noDomain)},
		"a name's form":      {func(c *ldap.Config) { c.Domain = "a@b" }, faults("domain", `"a@b"`+noDomain)},
		"names in DNs": {
			func(c *ldap.Config) {
				c.Vendor = "active-directory"
				c.Groups = &ldap.Groups{BaseDN: "dc=x", FromAttribute: "memberOf", NameAttribute: "sAMAccountName"}
			},
			faults("groups.name_attribute", "no entry is named by sAMAccountName: of memberOf, which lists DNs, the name is what stands there, cn; or remove from_attribute"),
		},
		"user names among DNs": {
			func(c *ldap.Config) {
				c.Vendor = "active-directory"
				c.Groups = &ldap.Groups{BaseDN: "dc=x", MemberValue: "username"}
			},
			faults("groups.member_value", "member holds DNs, and nobody's user name: set member_value: dn, or name the attribute that holds user names in member_attribute, such as memberUid"),
		},
		"tokens without the primary group": {
			func(c *ldap.Config) {
				c.Vendor = "active-directory"
				c.Groups = &ldap.Groups{BaseDN: "dc=x", PrimaryAttribute: "none"}
			},
			faults("groups.primary_attribute", "tokenGroups lists the primary group and those that it is in: leave it out by groups.filter, or have groups searched, by nested: true"),
		},
	} {
		cfg := config("ldaps://h")
		c.edit(cfg)
		if got := cfg.Validate(); !slices.EqualFunc(got, c.want, func(a, b connectors.FieldProblem) bool { return a.Field == b.Field && a.Message == b.Message }) {
			t.Errorf("%s: Validate() = %q, want %q", name, got, c.want)
		}
	}
}
