package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestProtectionPage does what docs/protection.md has people do to see the guards at work,
// with a real slapd, and wants to see them.
func TestProtectionPage(t *testing.T) {
	t.Parallel()
	page := document(t, "docs/protection.md")
	prologue, flood := fenced(t, page, "bash", "try()"), fenced(t, page, "bash", "--parallel-max")
	address := regexp.MustCompile(`URL='\S+'`)
	took := regexp.MustCompile(` in [0-9.]+ s\n`)
	s := slapd.Start(t, slapd.Options{})
	for name, c := range map[string]struct {
		limits, guard, signing string   // of the configuration
		typed, frozen          string   // what is typed, and what while the directory hangs
		statuses               string   // a regular expression
		audit                  []string // what the audit log is to have
		listed                 string   // what "shorepass lockouts list" is to have
	}{
		"memory": {typed: "try alice:alice-password; try alice:alice-password", statuses: "200 200", audit: []string{`"answer":"cache"`}},
		"wrong passwords": {
			typed: "try alice:wrong; try alice:wrong; for n in 1 2 3; do try alice:wrong-$n; done", statuses: "401 401 401 401 429",
			audit: []string{`"reason":"known-wrong"`, `"reason":"lockout"`}, listed: "3 of 3",
		},
		"guessing": {
			limits: "limits: {failed_logins: {account: {burst: 2}}}", typed: "for n in 1 2 3; do try alice:wrong-$n; done", statuses: "401 401 429",
			audit: []string{`"reason":"account-limit"`}, listed: "account-limit",
		},
		"no answer": {
			frozen: "for n in 1 2 3 4 5 6 7; do try alice:alice-password; done", statuses: "503( 503){6}",
			audit: []string{`"reason":"outage"`, `"reason":"breaker-open"`},
		},
		"logins at once": {
			guard: "guard: {bulkhead: {max: 1}}", frozen: "for n in 1 2 3 4 5 6 7 8 9; do try n$n:x & done; wait", statuses: "503( 503){8}",
			audit: []string{`"reason":"busy"`},
		},
		"stale answers": {
			guard: "guard: {cache: {ttl: 1s, stale: 10m}}", typed: "try alice:alice-password", frozen: "sleep 1; try alice:alice-password", statuses: "200 200",
			audit: []string{`"answer":"stale"`},
		},
		"overload": {
			limits: "limits: {requests: {at_once: 1}}", signing: "signing: {algorithm: RS256}", typed: flood, statuses: `\d+ 200 \d+ 503`,
			audit: []string{`"reason":"overloaded"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := orgConfig(directoryLines(s, s.TLSURL))
			for line, added := range map[string]string{"realms:\n": c.limits, "        config:\n": c.guard, "    connectors:\n": c.signing} {
				if added == "" {
					continue
				}
				if !strings.Contains(page, "`"+added+"`") {
					t.Errorf("the page does not have %s", added)
				}
				config = replace(t, config, line, line[:len(line)-len(strings.TrimLeft(line, " "))]+added+"\n"+line)
			}
			b := stack.StartBroker(t, program, config, nil)
			types := func(command string) string {
				here := address.ReplaceAllLiteralString(prologue, "URL='http://"+b.Addr+"/token?service="+service+"'")
				r := stack.Run(t, nil, "", "bash", "-c", here+command)
				return took.ReplaceAllString(r.Stdout, "\n")
			}
			said := types(c.typed)
			if c.frozen != "" {
				s.Pause(t)
				said += types(c.frozen)
				s.Resume(t)
			}
			if said = strings.Join(strings.Fields(said), " "); !regexp.MustCompile("^" + c.statuses + "$").MatchString(said) {
				t.Errorf("answered %s, want %s", said, c.statuses)
			}
			if r := b.Command(t, "", "lockouts", "list"); !strings.Contains(r.Stdout, c.listed) {
				t.Errorf("listed is\n%s", r.Text())
			}
			restarted(t, b) // which writes down what is counted
			audit, err := os.ReadFile(filepath.Join(b.Dir, "data", "audit.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.audit {
				if !strings.Contains(string(audit), want) {
					t.Errorf("the audit log does not have %s", want)
				}
			}
		})
	}
}
