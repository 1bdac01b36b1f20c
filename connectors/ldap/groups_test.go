package ldap_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// tree is a scripted directory of alice and groups, each with the members that its
// member attribute lists.
type tree struct {
	user    record
	groups  []record
	members map[string][]string // by DN of the group
	code    int                 // of searches for groups
	asked   *[]string           // the filters of searches for groups
}

func (t tree) serve() script {
	return script{search: func(base, filter string) ([]record, int) {
		if base != "ou=groups,dc=example" {
			return []record{t.user}, 0
		}
		if t.asked != nil {
			*t.asked = append(*t.asked, filter)
		}
		var found []record
		for _, g := range t.groups {
			for _, m := range t.members[g.dn] {
				if strings.Contains(filter, "="+m+")") {
					found = append(found, g)
					break
				}
			}
		}
		return found, t.code
	}}
}

func group(name string) record {
	return record{"cn=" + name + ",ou=groups,dc=example", map[string][]string{"cn": {name}}}
}

// chain is a tree in which alice is in g1, which is in g2, and so on.
func chain(length int) tree {
	t := tree{user: alice(), members: make(map[string][]string)}
	member := alice().dn
	for i := range length {
		g := group(fmt.Sprintf("g%d", i+1))
		t.groups = append(t.groups, g)
		t.members[g.dn] = []string{member}
		member = g.dn
	}
	return t
}

// crowd is a tree in which alice is in count groups.
func crowd(count int) tree {
	t := tree{user: alice(), members: make(map[string][]string)}
	for i := range count {
		g := group(fmt.Sprintf("g%04d", i))
		t.groups = append(t.groups, g)
		t.members[g.dn] = []string{alice().dn}
	}
	return t
}

func TestGroupsBySearch(t *testing.T) {
	circle := chain(3)
	circle.members[circle.groups[0].dn] = append(circle.members[circle.groups[0].dn], circle.groups[2].dn)
	names := tree{user: person("uid=dave,ou=people,dc=example", "Dave", "david"), groups: []record{group("a"), group("b"), group("c"), group("d")}, members: map[string][]string{
		"cn=a,ou=groups,dc=example": {"Dave"}, "cn=b,ou=groups,dc=example": {"dave"}, "cn=c,ou=groups,dc=example": {"david"}, "cn=d,ou=groups,dc=example": {"eve"},
	}}
	spelled := tree{user: alice(), groups: []record{
		{`cn=Ops\2C  Team (ext),ou=groups,dc=example`, map[string][]string{"cn": {"Alias", "OPS, Team (EXT)"}}},
		{"ou=x+cn=Platform,ou=groups,dc=example", map[string][]string{"cn": {"PLATFORM"}}},
		{"CN=platform,ou=sub,ou=groups,dc=example", map[string][]string{"CN": {"platform"}}},
		{"ou=named-otherwise,ou=groups,dc=example", map[string][]string{"cn": {"z", "Alpha"}}},
	}, members: map[string][]string{}}
	for _, g := range spelled.groups {
		spelled.members[g.dn] = []string{alice().dn}
	}
	for name, c := range map[string]struct {
		tree   tree
		config ldap.Groups
		want   []string
	}{
		"none":             {chain(0), ldap.Groups{}, nil},
		"direct":           {chain(3), ldap.Groups{}, []string{"g1"}},
		"nested":           {chain(3), ldap.Groups{Nested: true}, []string{"g1", "g2", "g3"}},
		"nested, none":     {chain(0), ldap.Groups{Nested: true}, nil},
		"a circle":         {circle, ldap.Groups{Nested: true}, []string{"g1", "g2", "g3"}},
		"ten levels":       {chain(10), ldap.Groups{Nested: true}, []string{"g1", "g10", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9"}},
		"by user name":     {names, ldap.Groups{MemberValue: "username", MemberAttribute: "memberUid"}, []string{"a", "b", "c"}},
		"names and spaces": {spelled, ldap.Groups{}, []string{"alpha", "ops, team (ext)", "platform"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := groupsOf(t, c.tree, c.config)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("groups = %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

// groupsOf signs the tree's user in.
func groupsOf(t *testing.T, tree tree, g ldap.Groups) ([]string, error) {
	t.Helper()
	cfg := config(listen(t, tree.serve().serve))
	g.BaseDN = "ou=groups,dc=example"
	cfg.Groups = &g
	id, err := login(t, open(t, cfg), "alice", userPassword)
	return id.Groups, err
}

func TestGroupsThatCannotBeReadWhole(t *testing.T) {
	nameless, limited, missing, part := chain(1), chain(1), chain(0), chain(1)
	nameless.groups[0].attributes = nil
	blank := chain(1)
	blank.groups[0].attributes = map[string][]string{"cn": {"g1", ""}}
	limited.code = 4
	missing.code = 32
	part.groups[0].attributes = map[string][]string{"cn;range=0-0": {"g1"}}
	fan := crowd(200) // few to search by: the script of thousands takes longer than the connector waits
	for i := range 4801 {
		g := group(fmt.Sprintf("h%04d", i))
		fan.groups = append(fan.groups, g)
		fan.members[g.dn] = []string{fan.groups[i%200].dn}
	}
	for name, c := range map[string]struct {
		tree   tree
		nested bool
		want   string
	}{
		"eleven levels":              {chain(11), true, "reading the groups: groups are nested deeper than 10 levels"},
		"5,001 groups":               {crowd(5001), false, "reading the groups: the user is in more than 5000 groups: narrow the base_dn or filter of groups"},
		"9,000 groups":               {crowd(9000), false, "reading the groups: the user is in more than 5000 groups: narrow the base_dn or filter of groups"},
		"5,001 groups in two levels": {fan, true, "reading the groups: the user is in more than 5000 groups: narrow the base_dn or filter of groups"},
		"no name":                    {nameless, false, `the group "cn=g1,ou=groups,dc=example" has no cn: check groups.name_attribute, and that whoever searches may read it`},
		"an empty name":              {blank, false, `the group "cn=g1,ou=groups,dc=example" has no cn: check groups.name_attribute, and that whoever searches may read it`},
		"part of a name":             {part, false, "the directory gives only a part of cn (range=0-0)"},
		"the directory's limit":      {limited, false, "result code 4 (size limit exceeded): the directory's limits for the service account are too low, or an index is missing"},
		"no base":                    {missing, false, "result code 32 (no such object): the base_dn does not exist, or the service account may not see it"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := groupsOf(t, c.tree, ldap.Groups{Nested: c.nested})
			wantOutage(t, err, c.want)
			if got != nil {
				t.Errorf("%d groups beside the error", len(got))
			}
		})
	}
	if got, err := groupsOf(t, crowd(5000), ldap.Groups{}); err != nil || len(got) != 5000 {
		t.Errorf("of 5,000 groups %d were read, %v", len(got), err)
	}
}

// TestFilterOfGroups holds that the entry's DN goes into a filter escaped once, as
// the directory has spelled it.
func TestFilterOfGroups(t *testing.T) {
	var asked []string
	doe := person(`cn=Doe\2C Jane (ext),ou=people,dc=example`, "jane")
	if _, err := groupsOf(t, tree{user: doe, asked: &asked}, ldap.Groups{}); err != nil {
		t.Fatal(err)
	}
	want := []string{`(&(objectClass=groupOfNames)(|(member=cn=Doe\5c2C Jane \28ext\29,ou=people,dc=example)))`}
	if !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

// TestPrimaryGroup holds that the primary group is asked for beside the others, that
// its number is escaped, and that a part of it is not taken for all.
func TestPrimaryGroup(t *testing.T) {
	config := ldap.Groups{MemberAttribute: "memberUid", MemberValue: "username", PrimaryAttribute: "gidNumber"}
	for name, c := range map[string]struct {
		gid  []string
		want string
	}{
		"none":     {nil, `(&(objectClass=groupOfNames)(|(memberUid=alice)))`},
		"a number": {[]string{"100"}, `(&(objectClass=groupOfNames)(|(memberUid=alice)(gidNumber=100)))`},
		"a filter": {[]string{"1)(cn=*"}, `(&(objectClass=groupOfNames)(|(memberUid=alice)(gidNumber=1\29\28cn=\2a)))`},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			user := alice()
			user.attributes["gidNumber"] = c.gid
			if _, err := groupsOf(t, tree{user: user, asked: &asked}, config); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(asked, []string{c.want}) {
				t.Errorf("asked for %q, want %q", asked, c.want)
			}
		})
	}
	user := alice()
	user.attributes["gidNumber;range=0-0"] = []string{"100"}
	_, err := groupsOf(t, tree{user: user}, config)
	wantOutage(t, err, "the directory gives only a part of gidNumber (range=0-0)")
}

// TestTraceOfManyGroups holds that a step which asks for the groups of many groups does
// not name them all.
func TestTraceOfManyGroups(t *testing.T) {
	longest := 0
	ctx := connectors.WithTrace(t.Context(), func(s connectors.Step) { longest = max(longest, len(s.Detail)) })
	cfg := config(listen(t, crowd(100).serve().serve))
	cfg.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=example", Nested: true}
	d := open(t, cfg)
	a, err := d.Locate(ctx, "alice")
	if err == nil {
		_, err = d.Verify(ctx, a, secret(userPassword))
	}
	if err != nil || longest < 500 || longest > 600 {
		t.Errorf("the longest detail has %d bytes, %v; want some more than 500", longest, err)
	}
}

// TestRangesOfGroups holds that a range of values is never taken for all of them, nor
// for none: Active Directory sends the attribute itself, too, empty.
func TestRangesOfGroups(t *testing.T) {
	const ops = "cn=ops,ou=groups,dc=example"
	for name, attributes := range map[string]map[string][]string{
		"alone":                     {"memberOf;range=0-1499": {ops}},
		"behind the empty one":      {"memberOf": nil, "memberOf;range=0-1499": {ops}},
		"before the empty one":      {"memberOf;range=0-1499": {ops}, "memberof": nil},
		"behind one that is filled": {"memberOf": {ops}, "memberOf;range=0-1499": {ops}},
		"spelled otherwise":         {"memberOf": nil, "memberof;Range=0-1499": {ops}},
		"behind another option":     {"memberOf": nil, "memberOf;x-a;range=0-1499": {ops}},
	} {
		t.Run(name, func(t *testing.T) {
			user := alice()
			maps.Copy(user.attributes, attributes)
			got, err := groupsOf(t, tree{user: user}, ldap.Groups{FromAttribute: "memberOf"})
			wantOutage(t, err, "reading the groups: the directory gives only a part of memberOf (")
			wantOutage(t, err, "ange=0-1499): have groups searched instead, without groups.from_attribute")
			if got != nil {
				t.Errorf("groups = %q, want none beside the error", got)
			}
		})
	}
}

func TestGroupsByAttribute(t *testing.T) {
	many := make([]string, 5001)
	for i := range many {
		many[i] = fmt.Sprintf("cn=g%d,ou=groups,dc=example", i)
	}
	for name, c := range map[string]struct {
		memberOf []string
		want     []string
		fault    string
		scope    string
	}{
		"none":                 {nil, nil, "", ""},
		"on one level":         {[]string{"cn=Ops,OU=groups,dc=example", "cn=dev,ou=sub,ou=groups,dc=example", "ou=sub,ou=groups,dc=example,dc=evil"}, []string{"ops"}, "", "one"},
		"below the base":       {[]string{"cn=Ops,ou=groups,dc=example", "cn=dev,ou=sub,ou=groups,dc=example"}, []string{"dev", "ops"}, "", ""},
		"another spelling":     {[]string{"CN=Ops,  OU=Groups , DC=Example"}, []string{"ops"}, "", ""},
		"escaped":              {[]string{`cn=Ops\2C Team,ou=\67roups,dc=example`}, []string{"ops, team"}, "", ""},
		"twice":                {[]string{"cn=ops,ou=groups,dc=example", "cn=OPS,ou=a,ou=groups,dc=example"}, []string{"ops"}, "", ""},
		"elsewhere":            {[]string{"cn=ops,ou=evil,dc=example", "cn=ops,ou=groups,dc=evil"}, nil, "", ""},
		"the base itself":      {[]string{"ou=groups,dc=example"}, nil, "", ""},
		"a comma in the name":  {[]string{`cn=ops\,ou=groups\,dc=example,ou=evil,dc=example`}, nil, "", ""},
		"named otherwise":      {[]string{"ou=ops,ou=groups,dc=example"}, nil, `the group "ou=ops,ou=groups,dc=example" is not named by cn: correct groups.name_attribute`, ""},
		"not a DN":             {[]string{"ops"}, nil, `memberOf holds "ops", which is not a DN`, ""},
		"more than is allowed": {many, nil, "the user is in more than 5000 groups: narrow the base_dn or filter of groups", ""},
	} {
		t.Run(name, func(t *testing.T) {
			user := alice()
			user.attributes["memberOf"] = c.memberOf
			got, err := groupsOf(t, tree{user: user}, ldap.Groups{FromAttribute: "memberOf", Scope: c.scope})
			if c.fault != "" {
				wantOutage(t, err, c.fault)
			} else if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("groups = %q, %v, want %q", got, err, c.want)
			}
		})
	}
}
