package access_test

import (
	"strings"
	"testing"

	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/connectors/pat"
)

func TestWarnings(t *testing.T) {
	w := newWorld(t, "")
	zoe := pat.Owner{Realm: "corp", Account: pat.Account{Connector: "sso", ID: "iss+7"}, Username: "zoe", Groups: []string{"ops"}, Seen: w.now}
	w.knows(t, zoe)
	for i, tt := range []struct {
		owner, expires string
		scopes, want   []string
	}{
		{"directory:alice", "", []string{"repository:platform/**:pull,push", "repository:home/alice/**:*"}, nil},
		{"directory:alice", "90d", []string{"repository:platform/app:push", "repository:platform/*:pull"}, nil},
		{"directory:alice", "91d", []string{"repository:platform/app:pull"}, []string{"it lasts 91 days"}},
		{"directory:alice", "", []string{"repository:platform/app:push"}, []string{"repository:platform/app:push: to push takes pull, too"}},
		{
			"directory:alice", "",
			[]string{"repository:release/**:pull", "repository:platform/**:*", "repository:platform/frozen/**:pull,push", "registry:catalog:*"},
			[]string{
				"repository:release/**:pull: as the rules and groups are now, directory:alice may not do this anywhere, and the token will not either: pull",
				"repository:platform/**:*: as the rules and groups are now, directory:alice may not do this anywhere, and the token will not either: delete",
				"repository:platform/frozen/**:pull,push: as the rules and groups are now, directory:alice may not do this anywhere, and the token will not either: push",
				"registry:catalog:*: as the rules and groups are now, directory:alice may not do this anywhere, and the token will not either: listing the catalog",
			},
		},
		{"directory:bob", "", []string{"repository:platform/**:pull"}, []string{"directory:bob may not do this anywhere"}},
		{"sso:zoe", "", []string{"repository:platform/**:pull"}, []string{"the last login of sso:zoe is not older than max_login_age; it was at 2026-03-01 12:00Z"}},
	} {
		s := access.Spec{Realm: "corp", Owner: tt.owner, Name: string(rune('a' + i)), Scopes: tt.scopes, Expires: tt.expires}
		got := w.made(t, access.Actor{}, s).Warnings
		if len(got) != len(tt.want) {
			t.Errorf("%d: %q, want %q", i, got, tt.want)
			continue
		}
		for j := range got {
			if !strings.Contains(got[j], tt.want[j]) {
				t.Errorf("%d: %q, want %q", i, got[j], tt.want[j])
			}
		}
	}
}
