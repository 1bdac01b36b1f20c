package policy_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

func TestParseScope(t *testing.T) {
	long := strings.Repeat("a", 255)
	for _, tt := range []struct {
		text string
		want policy.Scope
	}{
		{"repository:team/app:pull", policy.Scope{Type: "repository", Name: "team/app", Actions: []string{"pull"}}},
		{"repository:team/app:push,pull,delete", policy.Scope{Type: "repository", Name: "team/app", Actions: []string{"push", "pull", "delete"}}},
		{"repository:app:pull,pull", policy.Scope{Type: "repository", Name: "app", Actions: []string{"pull", "pull"}}},
		{"repository:sk/other:*", policy.Scope{Type: "repository", Name: "sk/other", Actions: []string{"*"}}},
		{"registry:catalog:*", policy.Scope{Type: "registry", Name: "catalog", Actions: []string{"*"}}},
		{"repository(plugin):team/app:pull", policy.Scope{Type: "repository", Class: "plugin", Name: "team/app", Actions: []string{"pull"}}},
		{"repository:registry.test:5000/team/app:pull", policy.Scope{Type: "repository", Name: "registry.test:5000/team/app", Actions: []string{"pull"}}},
		{"repository:localhost:1/app:pull", policy.Scope{Type: "repository", Name: "localhost:1/app", Actions: []string{"pull"}}},
		{"repository:localhost:65535/app:pull", policy.Scope{Type: "repository", Name: "localhost:65535/app", Actions: []string{"pull"}}},
		{"repository:registry.test/app:pull", policy.Scope{Type: "repository", Name: "registry.test/app", Actions: []string{"pull"}}},
		{"repository:a.b_c__d-e---f/0:pull", policy.Scope{Type: "repository", Name: "a.b_c__d-e---f/0", Actions: []string{"pull"}}},
		{"artifact2:x:inspect", policy.Scope{Type: "artifact2", Name: "x", Actions: []string{"inspect"}}},
		{"repository:" + long + ":pull", policy.Scope{Type: "repository", Name: long, Actions: []string{"pull"}}},
		{"repository:" + strings.Repeat("a/", 127) + "a:pull", policy.Scope{Type: "repository", Name: strings.Repeat("a/", 127) + "a", Actions: []string{"pull"}}},
	} {
		t.Run(tt.text, func(t *testing.T) {
			got, err := policy.ParseScope(tt.text)
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Fatalf("got %+v, %v; want %+v", got, err, tt.want)
			}
			if got.String() != tt.text {
				t.Errorf("String() = %s", got)
			}
		})
	}
}

func TestParseScopeErrors(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", `scope "": not of the form type:name:actions`},
		{"repository", `scope "repository": not of the form type:name:actions`},
		{"repository:sk/o", `scope "repository:sk/o": not of the form type:name:actions`},
		{":a:pull", `scope ":a:pull": a type is lower-case letters and digits`},
		{"Repository:a:pull", `scope "Repository:a:pull": a type is lower-case letters and digits`},
		{"repo sitory:a:pull", `scope "repo sitory:a:pull": a type is lower-case letters and digits`},
		{"(plugin):a:pull", `scope "(plugin):a:pull": a type is lower-case letters and digits`},
		{"repository():a:pull", `scope "repository():a:pull": a class is lower-case letters and digits in parentheses`},
		{"repository(plugin:a:pull", `scope "repository(plugin:a:pull": a class is lower-case letters and digits in parentheses`},
		{"repository(plugin)x:a:pull", `scope "repository(plugin)x:a:pull": a class is lower-case letters and digits in parentheses`},
		{"repository(a)(b):a:pull", `scope "repository(a)(b):a:pull": a class is lower-case letters and digits in parentheses`},
		{"repository(A):a:pull", `scope "repository(A):a:pull": a class is lower-case letters and digits in parentheses`},
		{"repository::pull", `scope "repository::pull": no name`},
		{"repository:a:", `scope "repository:a:": no actions`},
		{"repository:a:pull,", `scope "repository:a:pull,": an action is lower-case letters, or "*"`},
		{"repository:a:pull,,push", `scope "repository:a:pull,,push": an action is lower-case letters, or "*"`},
		{"repository:a:PULL", `scope "repository:a:PULL": an action is lower-case letters, or "*"`},
		{"repository:a:pull push", `scope "repository:a:pull push": an action is lower-case letters, or "*"`},
		{"repository:a:**", `scope "repository:a:**": an action is lower-case letters, or "*"`},
		{"repository:A:pull", `scope "repository:A:pull": no repository has a path segment "A"`},
		{"repository:a/:pull", `scope "repository:a/:pull": no repository has a path segment ""`},
		{"repository:/a:pull", `scope "repository:/a:pull": no repository has a path segment ""`},
		{"repository:a//b:pull", `scope "repository:a//b:pull": no repository has a path segment ""`},
		{"repository:a/../b:pull", `scope "repository:a/../b:pull": no repository has a path segment ".."`},
		{"repository:*:pull", `scope "repository:*:pull": no repository has a path segment "*"`},
		{"repository:a/**:pull", `scope "repository:a/**:pull": no repository has a path segment "**"`},
		{"repository:a b:pull", `scope "repository:a b:pull": no repository has a path segment "a b"`},
		{"repository:a\x00:pull", `scope "repository:a\x00:pull": no repository has a path segment "a\x00"`},
		{"repository:é:pull", `scope "repository:é:pull": no repository has a path segment "é"`},
		{"repository:-a:pull", `scope "repository:-a:pull": no repository has a path segment "-a"`},
		{"repository:a-:pull", `scope "repository:a-:pull": no repository has a path segment "a-"`},
		{"repository:a___b:pull", `scope "repository:a___b:pull": no repository has a path segment "a___b"`},
		{"repository:a._b:pull", `scope "repository:a._b:pull": no repository has a path segment "a._b"`},
		{"repository:a:5000:pull", `scope "repository:a:5000:pull": a colon in a name stands between a host and a port, before the first slash`},
		{"repository:a:/b:pull", `scope "repository:a:/b:pull": a colon in a name stands between a host and a port, before the first slash`},
		{"repository:a:0/b:pull", `scope "repository:a:0/b:pull": a colon in a name stands between a host and a port, before the first slash`},
		{"repository:a:080/b:pull", `scope "repository:a:080/b:pull": a colon in a name stands between a host and a port, before the first slash`},
		{"repository:a:65536/b:pull", `scope "repository:a:65536/b:pull": a colon in a name stands between a host and a port, before the first slash`},
		{"repository:a:+1/b:pull", `scope "repository:a:+1/b:pull": a colon in a name stands between a host and a port, before the first slash`},
		{"repository:a_b:1/b:pull", `scope "repository:a_b:1/b:pull": a colon in a name stands between a host and a port, before the first slash`},
		{"repository:a:1:2/b:pull", `scope "repository:a:1:2/b:pull": a colon in a name stands between a host and a port, before the first slash`},
		{"repository:a/b:1/c:pull", `scope "repository:a/b:1/c:pull": no repository has a path segment "b:1"`},
		{"repository:Host:1/c:pull", `scope "repository:Host:1/c:pull": a colon in a name stands between a host and a port, before the first slash`},
		{"repository:a:1/:pull", `scope "repository:a:1/:pull": no repository has a path segment ""`},
		{"r:" + strings.Repeat("a", 256) + ":pull", `scope "r:` + strings.Repeat("a", 256) + `:pull": the name has more than 255 characters`},
	} {
		t.Run(tt.text, func(t *testing.T) {
			got, err := policy.ParseScope(tt.text)
			if err == nil {
				t.Fatalf("read as %+v", got)
			}
			if err.Error() != tt.want {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
			if !reflect.DeepEqual(got, policy.Scope{}) {
				t.Errorf("a scope beside the error: %+v", got)
			}
		})
	}
}

// What a client sends does not fill a log or a terminal.
func TestScopeErrorsAreBounded(t *testing.T) {
	long := strings.Repeat("A", 100_000)
	for _, text := range []string{long, long + ":a:pull", "repository:" + long + ":pull", "repository:a:" + long, "repository:" + strings.Repeat("A", 255) + ":pull"} {
		_, err := policy.ParseScope(text)
		if err == nil || len(err.Error()) > 500 || !strings.HasPrefix(err.Error(), `scope "`+text[:20]) {
			t.Errorf("%.20s…: %v", text, err)
		}
	}
}
