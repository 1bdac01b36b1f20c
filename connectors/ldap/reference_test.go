package ldap_test

import (
	"errors"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// refersToMoreGroups is what to do about groups on another server.
const refersToMoreGroups = `reading the groups: some may be on another server (the directory refers to "ldap://elsewhere.example/dc=example"): ` +
	"narrow groups.base_dn to what this server holds, or point url at a server that holds all groups"

// TestReferencesToGroups holds that a continuation reference (RFC 4511 §4.5.3) in
// the place of groups fails the login: there may be more of them behind it.
func TestReferencesToGroups(t *testing.T) {
	for name, c := range map[string]struct {
		tree   tree
		nested bool
	}{
		"beside groups":       {chain(1), false},
		"instead of groups":   {chain(0), false},
		"beside nested ones":  {chain(3), true},
		"instead of any":      {chain(0), true},
		"beside 1,000 groups": {crowd(1000), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.tree.serve()
			s.refers = "ou=groups,dc=example"
			cfg := config(listen(t, s.serve))
			cfg.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=example", Nested: c.nested}
			d := open(t, cfg)
			id, err := login(t, d, "alice", userPassword)
			wantOutage(t, err, refersToMoreGroups)
			if id.Groups != nil {
				t.Errorf("groups = %q, want none beside the error", id.Groups)
			}
			_, err = d.Resolve(t.Context(), "1")
			wantOutage(t, err, refersToMoreGroups)
		})
	}
}

// TestReferencesToPeople holds that who is kept on another server is nobody here,
// that who is kept here is not disturbed, and that nobody connects to where a
// reference points.
func TestReferencesToPeople(t *testing.T) {
	second := person("uid=alice,ou=b,dc=example", "alice")
	for name, c := range map[string]struct {
		found []record
		want  error
		gone  error // of Resolve
	}{
		"found":     {[]record{alice()}, nil, nil},
		"not found": {nil, connectors.ErrNotMine, connectors.ErrGone},
		"two":       {[]record{alice(), second}, connectors.ErrRejected, errSharedID},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, config(listen(t, script{
				search: func(string, string) ([]record, int) { return c.found, 0 },
				refers: "ou=people,dc=example",
			}.serve)))
			if _, err := d.Locate(t.Context(), "alice"); !errors.Is(err, c.want) {
				t.Errorf("Locate: %v, want %v", err, c.want)
			}
			if _, err := d.Resolve(t.Context(), "1"); !errors.Is(err, c.gone) && text(err) != text(c.gone) {
				t.Errorf("Resolve: %v, want %v", err, c.gone)
			}
		})
	}
}

var errSharedID = errors.New("two entries share one entryUUID: id_attribute must be unique")

// TestReferencesBesideAnAttribute holds that groups taken from the person's entry are
// whole, whatever else is on another server.
func TestReferencesBesideAnAttribute(t *testing.T) {
	user := alice()
	user.attributes["memberOf"] = []string{"cn=ops,ou=groups,dc=example"}
	cfg := config(listen(t, script{
		search: func(string, string) ([]record, int) { return []record{user}, 0 },
		refers: "ou=people,dc=example",
	}.serve))
	cfg.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=example", FromAttribute: "memberOf"}
	id, err := login(t, open(t, cfg), "alice", userPassword)
	if err != nil || len(id.Groups) != 1 || id.Groups[0] != "ops" {
		t.Errorf("groups = %q, %v, want ops", id.Groups, err)
	}
}
