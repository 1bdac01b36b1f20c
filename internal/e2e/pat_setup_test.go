package e2e_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// withTokens are edits of examples/openldap by which its people may have access tokens,
// whose owners are looked up every second, and the directory says who is disabled.
func withTokens() []string {
	return []string{
		"    connectors:\n", "    connectors:\n      - {name: tokens, type: pat, config: {max_group_age: 1s}}\n",
		"          users:\n", "          users:\n            disabled: ppolicy\n",
	}
}

// mint makes an access token of somebody in the directory, which may do all that its
// owner may where arguments do not say otherwise.
func (w *world) mint(tb testing.TB, owner, name string, args ...string) string {
	tb.Helper()
	return w.broker.AccessToken(tb, append([]string{"--owner", "directory:" + owner, "--name", name, "--scope", "repository:**:*", "--scope", "registry:catalog:*"}, args...)...)
}

// disable has the directory say that somebody may no longer sign in.
func (w *world) disable(tb testing.TB, name string) {
	tb.Helper()
	w.slapd.Modify(tb, fmt.Sprintf("dn: uid=%s,ou=people,dc=corp,dc=example\nchangetype: modify\nadd: pwdEndTime\npwdEndTime: 20200101000000Z\n", name))
}

// database is where the broker keeps the tokens.
func database(b *stack.Broker) string { return filepath.Join(b.Dir, "data", "shorepass.db") }
