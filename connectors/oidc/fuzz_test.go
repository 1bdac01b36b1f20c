package oidc_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// FuzzGroups reads groups of arbitrary objects by arbitrary paths. It must end, and give
// names that can stand in a rule.
func FuzzGroups(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"groups":["a","/b/c"]}`, "groups"},
		{`{"realm_access":{"roles":["x"]}}`, "realm_access.roles"},
		{`{"resource_access":{"a.b":{"roles":["x"]},"a":{"b":{"roles":7}}}}`, "resource_access.a.b.roles"},
		{`{"https://corp.example/groups":["x"]}`, "https://corp.example/groups"},
		{`{"_claim_names":{"groups":"src1"},"hasgroups":"true"}`, "groups"},
		{`{"a":{"a":{"a":{"a":null}}},"a.a":{"a.a":[]},"a.a.a.a":{}}`, "a.a.a.a"},
		{`{"":{"":["x"]},".":[""]}`, "."},
		{`null`, "groups"},
	} {
		f.Add([]byte(seed[0]), seed[1])
	}
	f.Fuzz(func(t *testing.T, document []byte, path string) {
		groups, found, err := oidc.ReadGroups(document, path)
		switch {
		case err != nil && (found || groups != nil):
			t.Errorf("groups %q, found %v, and the error %v", groups, found, err)
		case !found && groups != nil:
			t.Errorf("groups %q that were not found", groups)
		case slices.Contains(groups, "") || !slices.IsSorted(groups) || len(slices.Compact(slices.Clone(groups))) != len(groups):
			t.Errorf("groups %q", groups)
		}
	})
}

// FuzzCanonical makes user names of arbitrary claims. Two claims that differ in more
// than case never become one name.
func FuzzCanonical(f *testing.F) {
	for _, seed := range [][2]string{
		{"alice@corp.example", "alice"},
		{"alice@partner.example@corp.example", "alice@partner.example"},
		{"@corp.example", ""},
		{"Alice@CORP.EXAMPLE", "alice@corp.example"},
		{"alice@corp.example@corp.example", "alice@corp.example"},
	} {
		f.Add(seed[0], seed[1])
	}
	for _, seed := range [][2]string{{"ａlice@corp.example", "alice"}, {"José@corp.example", "josé"}, {"ΣΊΣΥΦΟΣ@corp.example", "σίσυφος"}, {"İ@corp.example", "i"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, form := range []connectors.UsernameForm{connectors.ASCIIUsernames, connectors.UnicodeUsernames} {
			for _, strip := range []string{"", "@corp.example"} {
				nameA, errA := oidc.Canonical(form, a, strip)
				nameB, errB := oidc.Canonical(form, b, strip)
				if errA != nil || errB != nil {
					continue
				}
				if parsed, ok := form.Parse(nameA); !ok || parsed != nameA {
					t.Errorf("%q becomes %q, which is no canonical name", a, nameA)
				}
				if nameA == nameB && !strings.EqualFold(a, b) {
					t.Errorf("%q and %q both become %q", a, b, nameA)
				}
			}
		}
	})
}

// FuzzKeys reads arbitrary key sets.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"oct","k":"AAAA"},7,null,{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Add([]byte(`{"keys":{}}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		if n, err := oidc.ParseKeys(document); (n == 0) != (err != nil) {
			t.Errorf("%d keys, error %v", n, err)
		}
	})
}
