package e2e_test

import (
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/samba"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// testADLockout has the domain lock accounts after five wrong passwords.
func testADLockout(t *testing.T, d *samba.Domain) {
	d.LockAfter(t, 5)
	defer d.LockAfter(t, 0)
	config, files := adExample(t, d)
	t.Run("connect", func(t *testing.T) { testADLockoutTold(t, d, config, files) })
}

// testADLockoutTold has check --connect compare the guards with the domain's policy, and
// with that of somebody whom another was made for, which the service account may not read.
func testADLockoutTold(t *testing.T, d *samba.Domain, config string, files map[string]string) {
	for name, args := range map[string][]string{"everybody": nil, "joiner": {"--user", "joiner"}, "a-guessed": {"--user", "a-guessed"}} {
		r := stack.NewBroker(t, program, config, files).Command(t, "", append([]string{"check", "--connect"}, args...)...)
		text := steadySID(steadySteps(r.Text(), d.Controllers[0].Host, "DC1", d.Controllers[1].Host, "DC2"))
		golden(t, "directories/ad-lockout-"+name+".txt", fromLockout(t, text))
	}
}
