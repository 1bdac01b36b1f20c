package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// unlimited lets a search in pages find everything.
const unlimited = "sizelimit size.prtotal=unlimited"

// crowd is the LDIF of groups from to to, each of whose DNs has width bytes or a few
// more, with the member.
func crowd(from, to, width int, member string) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		name := fmt.Sprintf("team-%05d-", i)
		name += strings.Repeat("x", max(0, width-len("cn="+name+","+slapd.Groups)))
		fmt.Fprintf(&b, "dn: cn=%s,%s\nobjectClass: groupOfNames\ncn: %[1]s\nmember: %[3]s\n\n", name, slapd.Groups, member)
	}
	return b.String()
}

// TestLDAPCrowd signs somebody in who is in as many groups as a login may have, and
// then in one more.
func TestLDAPCrowd(t *testing.T) {
	const bob = "uid=bob," + slapd.People // in the group ops, too
	start := time.Now()
	s := slapd.Start(t, slapd.Options{Config: unlimited, LDIF: crowd(0, 4999, 100, bob)})
	t.Logf("loaded within %v", time.Since(start))
	sources := map[string]ldap.Groups{
		"search":   {BaseDN: slapd.Groups},
		"nested":   {BaseDN: slapd.Groups, Nested: true},
		"memberOf": {BaseDN: slapd.Groups, FromAttribute: "memberOf"},
	}
	for name, groups := range sources {
		cfg := ldapConfig(s)
		cfg.Groups = &groups
		c := ldapConnector(t, cfg)
		start := time.Now()
		if id := mustSignIn(t, c, "bob"); len(id.Groups) != 5000 {
			t.Errorf("%s: %d groups, want 5000", name, len(id.Groups))
		}
		t.Logf("%s: 5,000 groups within %v", name, time.Since(start))
	}
	s.Load(t, crowd(5000, 5001, 100, bob))
	for name, groups := range sources {
		cfg := ldapConfig(s)
		cfg.Groups = &groups
		_, err := signIn(t, ldapConnector(t, cfg), "bob", "bob-password")
		if want := "reading the groups: the user is in more than 5000 groups: narrow the base_dn or filter of groups"; !isOutage(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an outage that says %q", name, err, want)
		}
	}
}

// TestLDAPWideMemberOf holds that an entry too large to read says what to do, and that
// it helps.
func TestLDAPWideMemberOf(t *testing.T) {
	s := slapd.Start(t, slapd.Options{Config: unlimited, LDIF: crowd(0, 4500, 240, "uid=bob,"+slapd.People)})
	cfg := ldapConfig(s)
	cfg.Groups = &ldap.Groups{BaseDN: slapd.Groups, FromAttribute: "memberOf"}
	_, err := signIn(t, ldapConnector(t, cfg), "bob", "bob-password")
	const want = "searching for the user: the directory's reply is out of bounds: "
	const advice = "memberOf may be too long, have groups searched instead, without groups.from_attribute"
	if !isOutage(err) || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), advice) {
		t.Errorf("error = %v, want an outage that says %q … %q", err, want, advice)
	}
	cfg = ldapConfig(s)
	if id := mustSignIn(t, ldapConnector(t, cfg), "bob"); len(id.Groups) != 4501 {
		t.Errorf("%d groups, want 4501", len(id.Groups))
	}
}

// TestLDAPLimits tries the limits that slapd may have for the service account: its
// default is 500 entries.
func TestLDAPLimits(t *testing.T) {
	const (
		account = `limits dn.exact="` + slapd.ServiceDN + `" `
		advice  = `: the directory's limits for the service account are too low, or an index is missing; in slapd.conf: limits dn.exact="BIND_DN" size.prtotal=unlimited`
	)
	for name, c := range map[string]struct{ limits, fault string }{
		"the default":            {"", "reading the groups: result code 4 (size limit exceeded)" + advice},
		"what the advice says":   {account + "size.prtotal=unlimited", ""},
		"a total":                {account + "size.prtotal=5001", ""},
		"too low a total":        {account + "size.prtotal=600", "result code 4 (size limit exceeded)" + advice},
		"one limit":              {account + "size=5001", ""},
		"a hard limit":           {account + "size.soft=500 size.hard=5001", ""},
		"no pages":               {account + "size.prtotal=disabled", `result code 11 (admin limit exceeded) "pagedResults control not allowed"` + advice},
		"small pages":            {account + "size.pr=100 size.prtotal=unlimited", `result code 11 (admin limit exceeded) "illegal pagedResults page size"` + advice},
		"few entries to look at": {account + "size.unchecked=100 size.prtotal=unlimited", "result code 11 (admin limit exceeded)" + advice},
	} {
		t.Run(name, func(t *testing.T) {
			s := slapd.Start(t, slapd.Options{LDIF: crowd(0, 600, 0, "uid=bob,"+slapd.People), MemberOf: c.limits + "\noverlay memberof"})
			id, err := signIn(t, ldapConnector(t, ldapConfig(s)), "bob", "bob-password")
			switch {
			case c.fault == "" && (err != nil || len(id.Groups) != 601):
				t.Errorf("%d groups, %v, want 601", len(id.Groups), err)
			case c.fault != "" && (!isOutage(err) || !strings.HasSuffix(err.Error(), c.fault)):
				t.Errorf("error = %v, want an outage that says %q", err, c.fault)
			}
		})
	}
}

// TestLDAPLimitsWithoutAccount holds that the limits which the manual and the log name for
// searches without a service account are those that count.
func TestLDAPLimitsWithoutAccount(t *testing.T) {
	for who, access := range map[string]string{"users": selvesRead, "anonymous": allRead} {
		for name, limits := range map[string]string{"the default": "", "lifted": "limits " + who + " size.prtotal=unlimited"} {
			t.Run(who+", "+name, func(t *testing.T) {
				s := slapd.Start(t, slapd.Options{Access: access, LDIF: crowd(0, 600, 0, "uid=bob,"+slapd.People), MemberOf: limits + "\noverlay memberof"})
				cfg := templateConfig(s)
				if who == "anonymous" {
					cfg = anonymousSearch(s)
				}
				id, err := signIn(t, openSelves(t, cfg, guard.Config{}), "bob", "bob-password")
				switch {
				case limits != "" && (err != nil || len(id.Groups) != 601):
					t.Errorf("%d groups, %v, want 601", len(id.Groups), err)
				case limits == "" && (!isOutage(err) || !strings.HasSuffix(err.Error(), "in slapd.conf: limits "+who+" size.prtotal=unlimited")):
					t.Errorf("error = %v, want an outage that names the limits of %s", err, who)
				}
			})
		}
	}
}

// TestCrowdThroughTheBroker holds that 5,000 groups make neither a larger token nor
// a broken audit line, and that one more is an outage whose log line says what to do.
func TestCrowdThroughTheBroker(t *testing.T) {
	s := slapd.Start(t, slapd.Options{Config: unlimited, LDIF: crowd(0, 4999, 100, "uid=bob,"+slapd.People)})
	old, with := uncached("        type: ldap\n")
	b := stack.StartBroker(t, program, replace(t, ldapBroker(s, ""), old, with, "rules: [", `rules: [
      {name: teams, groups: ["directory:team-*"], repositories: ["{group}/**"], allow: [pull, push]},
      {name: everybody, authenticated: true, repositories: [base/**], allow: [pull]},
      `), nil)
	few := b.Token(t, "alice", "alice-password", service, "repository:base/app:pull")
	many := b.Token(t, "bob", "bob-password", service, "repository:base/app:pull")
	if few.Status != http.StatusOK || many.Status != http.StatusOK {
		t.Fatalf("statuses %d and %d: %s %s", few.Status, many.Status, few.Body, many.Body)
	}
	t.Logf("a token for a member of 5,000 groups within %v, of one within %v", many.Took, few.Took)
	if grown := len(many.Token) - len(few.Token); grown > 0 { // her name is longer
		t.Errorf("the token grew by %d bytes", grown)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			// On a machine that has other things to do, some may not be in time.
			if a, err := b.Ask(t.Context(), "bob", "bob-password", service); err != nil || a.Status != http.StatusOK && a.Status != http.StatusServiceUnavailable {
				t.Errorf("among others: status %d, %v: %s", a.Status, err, a.Body)
			}
		})
	}
	all.Wait()
	lines := bytes.Split(bytes.TrimSuffix(auditLog(t, b), []byte("\n")), []byte("\n"))
	lines = slices.DeleteFunc(lines, func(line []byte) bool { return bytes.Contains(line, []byte(`"kind":"administrator"`)) }) // what a start makes
	if len(lines) != 10 {
		t.Errorf("%d audit lines, want 10", len(lines))
	}
	for _, line := range lines[1:] {
		var entry struct {
			Outcome string
			Groups  []string
		}
		if err := json.Unmarshal(line, &entry); err != nil || entry.Outcome == "granted" && len(entry.Groups) != 5000 {
			t.Errorf("an audit line with %d groups, %v; want 5000", len(entry.Groups), err)
		}
	}
	t.Logf("an audit line of %d bytes", len(lines[1]))

	s.Load(t, crowd(5000, 5001, 0, "uid=bob,"+slapd.People))
	if a := b.Token(t, "bob", "bob-password", service); a.Status != http.StatusServiceUnavailable || a.Token != "" {
		t.Errorf("5,001 groups: status %d: %s", a.Status, a.Body)
	}
	b.WaitFor(t, "log line that says what to do", 5*time.Second, func() bool {
		return strings.Contains(b.Output.String(), "the user is in more than 5000 groups: narrow the base_dn or filter of groups")
	})
}

// auditLog returns the content of the audit log.
func auditLog(t *testing.T, b *stack.Broker) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(b.Dir, "data", "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
