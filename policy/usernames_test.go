package policy_test

import (
	"strings"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

// TestUserPattern compiles rules about users whose names have a form of their own.
func TestUserPattern(t *testing.T) {
	form := func(pattern string) (string, bool) {
		return strings.ReplaceAll(strings.ToLower(pattern), "ａ", "a"), !strings.Contains(pattern, " ")
	}
	for pattern, want := range map[string]string{
		"corp:łukasz": "",
		"corp:łu*":    "",
		"corp:*":      "",
		"*:ł*":        "",
		"corp:Łukasz": `users: "corp:Łukasz" has upper case, and these names are always lower case: write "corp:łukasz"`,
		"corp:ａlice":  `users: "corp:ａlice" is not spelled as user names are: write "corp:alice"`,
		"corp:ł k":    `users: "corp:ł k" matches no user name: these have only letters and digits and . _ @ + -, with * for any run of them`,
	} {
		doc := policy.Document{
			Connectors:  []policy.Connector{{Name: "corp"}},
			UserPattern: form,
			Rules: []policy.Rule{{
				Name: policy.Text{Value: "r"}, Users: []policy.Text{{Value: pattern}},
				Repositories: []policy.Text{{Value: "a/**"}}, Allow: []policy.Text{{Value: "pull"}},
			}},
		}
		p, err := policy.Compile(doc)
		got := ""
		if err != nil {
			_, got, _ = strings.Cut(err.Error(), ": ")
		}
		if !strings.HasSuffix(got, want) || want == "" && err != nil {
			t.Errorf("%s: error %q, want %q", pattern, got, want)
		}
		if err != nil {
			continue
		}
		d := p.Decide(policy.Subject{User: "corp:łukasz", Ceiling: policy.Unlimited()}, []policy.Scope{{Type: "repository", Name: "a/b", Actions: []string{"pull"}}})
		if !d.Outcomes[0].Granted {
			t.Errorf("%s: łukasz is refused", pattern)
		}
	}
}

// TestUserThatNoRepositoryCanHave holds that such a name matches nothing and warns.
func TestUserThatNoRepositoryCanHave(t *testing.T) {
	p, err := policy.Compile(policy.Document{
		Connectors:  []policy.Connector{{Name: "corp"}},
		UserPattern: func(pattern string) (string, bool) { return pattern, true },
		Rules: []policy.Rule{{
			Name: policy.Text{Value: "homes"}, Users: []policy.Text{{Value: "corp:*"}},
			Repositories: []policy.Text{{Value: "home/{user}/**"}}, Allow: []policy.Text{{Value: "pull"}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := p.Decide(policy.Subject{User: "corp:łukasz", Ceiling: policy.Unlimited()}, []policy.Scope{{Type: "repository", Name: "home/lukasz/a", Actions: []string{"pull"}}})
	if d.Outcomes[0].Granted || len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], `"łukasz"`) {
		t.Errorf("granted %v, warnings %q, want a refusal and a warning of łukasz", d.Outcomes[0].Granted, d.Warnings)
	}
}
