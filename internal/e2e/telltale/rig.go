package telltale

import (
	_ "embed" // for the configuration
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

//go:embed shorepass.yaml
var configuration string

// Rig is a directory with a password policy, and a broker that asks it.
type Rig struct {
	broker *stack.Broker
	rounds int
}

const (
	// warm is how many rounds go before those that are measured: the broker has seen enough
	// refusals by then, and what was refused in one round is asked about again so many later.
	warm = 60

	passwords = 2  // wrong ones that an account is sent, fewer than its budget has
	budget    = 3  // which guard.lockout is by default
	spenders  = 20 // accounts that are sent more, and as many names that there are not
)

// hash is of a password that nobody sends. As in most directories, it takes some
// milliseconds to compare one with it.
const hash = "{CRYPT}$6$shorepass$tHICAXIxJIq3KO764OT3kylEW2giutAoVVbMq4jjXyKZIaP3rlI27C13VMLF.C0OwDUOO/WSHAsOqKnubPpKj1"

// How the names of accounts begin; all of a round are equally long.
const (
	usual    = "anna"
	locked   = "lucy" // after too many wrong passwords
	disabled = "dora" // by an administrator
	nobody   = "zoey" // there are none
	spend    = "-often"
)

// Start starts a directory and a broker for so many samples of each kind.
func Start(tb testing.TB, program string, samples int) *Rig {
	tb.Helper()
	r := &Rig{rounds: warm + samples}
	var people strings.Builder
	fmt.Fprintf(&people, "dn: cn=strict,%s\nobjectClass: device\nobjectClass: pwdPolicy\ncn: strict\npwdAttribute: userPassword\n"+
		"pwdLockout: TRUE\npwdMaxFailure: 5\npwdLockoutDuration: 86400\npwdFailureCountInterval: 0\n\n", slapd.Suffix)
	now := time.Now().UTC().Format("20060102150405Z")
	for i := range r.rounds/passwords + 1 {
		person(&people, usual, i, "")
		person(&people, locked, i, "pwdAccountLockedTime: "+now+"\n")
		person(&people, disabled, i, "pwdAccountLockedTime: 000001010000Z\n")
	}
	for i := range spenders {
		person(&people, usual+spend, i, "")
	}
	s := slapd.Start(tb, slapd.Options{NoTLS: true, Quiet: true, LDIF: people.String()})
	s.Stop(tb)
	s.Configure(tb, "ppolicy_use_lockout") // so that the audit log shows what was met
	s.Start(tb)
	r.broker = stack.StartBroker(tb, program, strings.ReplaceAll(configuration, "{{ldap}}", s.URL), nil)
	return r
}

// name is the user name of one of several alike.
func name(of string, i int) string { return fmt.Sprintf("%s%05d", of, i) }

// person writes an entry.
func person(to *strings.Builder, of string, i int, more string) {
	fmt.Fprintf(to, "dn: uid=%[1]s,%[2]s\nobjectClass: inetOrgPerson\nuid: %[1]s\ncn: x\nsn: x\nuserPassword: %[3]s\npwdPolicySubentry: cn=strict,%[4]s\n%[5]s\n",
		name(of, i), slapd.People, hash, slapd.Suffix, more)
}
