package ldap_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// TestRangesAreReadOn holds that what lies behind a range is asked for, and that a server
// which gives no more than it has given is not asked for ever.
func TestRangesAreReadOn(t *testing.T) {
	group := func(n int) string { return fmt.Sprintf("cn=g%d,ou=groups,dc=example", n) }
	const first = "memberOf;range=0-1"
	for name, c := range map[string]struct {
		behind map[string][]string // by what is asked for
		answer map[string]string   // the name that it comes under
		want   []string
		outage string
	}{
		"one more":       {map[string][]string{"memberOf;range=2-*": {group(2)}}, map[string]string{"memberOf;range=2-*": "memberOf;range=2-*"}, []string{"g0", "g1", "g2"}, ""},
		"two more":       {map[string][]string{"memberOf;range=2-*": {group(2), group(3)}, "memberOf;range=4-*": {group(4)}}, map[string]string{"memberOf;range=2-*": "memberof;Range=2-3", "memberOf;range=4-*": "memberOf;range=4-*"}, []string{"g0", "g1", "g2", "g3", "g4"}, ""},
		"the same":       {map[string][]string{"memberOf;range=2-*": {group(0), group(1)}}, map[string]string{"memberOf;range=2-*": first}, nil, "gives only a part of memberOf"},
		"no more":        {nil, nil, nil, "gives only a part of memberOf"},
		"an end missing": {map[string][]string{"memberOf;range=2-*": {group(2)}}, map[string]string{"memberOf;range=2-*": "memberOf;range=2-x"}, nil, "gives only a part of memberOf"},
		"all of them":    {map[string][]string{"memberOf;range=2-*": {group(2)}}, map[string]string{"memberOf;range=2-*": "memberOf"}, []string{"g0", "g1", "g2"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var asked string
			requests := 0
			cfg := config(listen(t, script{asks: func(names []string) { asked = names[len(names)-1] }, search: func(base, _ string) ([]record, int) {
				user := alice()
				if requests++; base != user.dn {
					user.attributes["memberOf"], user.attributes[first] = nil, []string{group(0), group(1)}
					return []record{user}, 0
				}
				return []record{{base, map[string][]string{c.answer[asked]: c.behind[asked]}}}, 0
			}}.serve))
			cfg.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=example", FromAttribute: "memberOf"}
			id, err := login(t, open(t, cfg), "alice", userPassword)
			if c.outage != "" {
				if err == nil || errors.Is(err, connectors.ErrRejected) || !strings.Contains(err.Error(), c.outage) || requests > 4 {
					t.Errorf("error = %v after %d requests, want an outage: %s", err, requests, c.outage)
				}
			} else if err != nil || !slices.Equal(id.Groups, c.want) {
				t.Errorf("groups = %q, %v, want %q", id.Groups, err, c.want)
			}
		})
	}
}

// TestRangesWithoutEnd holds that ranges are bounded as groups are.
func TestRangesWithoutEnd(t *testing.T) {
	var asked string
	requests := 0
	cfg := config(listen(t, script{asks: func(names []string) { asked = names[len(names)-1] }, search: func(base, _ string) ([]record, int) {
		requests++
		user, from := alice(), 0
		if base == user.dn {
			if _, err := fmt.Sscanf(asked, "memberOf;range=%d-*", &from); err != nil {
				t.Error(err)
			}
		}
		var part []string
		for i := range 1000 {
			part = append(part, fmt.Sprintf("cn=g%d,ou=groups,dc=example", from+i))
		}
		user.attributes[fmt.Sprintf("memberOf;range=%d-%d", from, from+len(part)-1)] = part
		return []record{user}, 0
	}}.serve))
	cfg.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=example", FromAttribute: "memberOf"}
	_, err := login(t, open(t, cfg), "alice", userPassword)
	if err == nil || !strings.Contains(err.Error(), "the user is in more than 5000 groups") || requests > 8 {
		t.Errorf("error = %v after %d requests", err, requests)
	}
}
