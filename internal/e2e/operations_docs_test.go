package e2e_test

import (
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestOperationsTranscripts types what the section on failing logins types, with
// examples/openldap, and compares what is printed. A line "…" stands for any number of lines.
func TestOperationsTranscripts(t *testing.T) {
	text := section(t, document(t, "docs/operations.md"), "Finding out why a login fails")
	w := &world{slapd: startCorp(t, example(t, "openldap/directory.ldif"))}
	for _, c := range []struct {
		command string
		edits   []string
	}{
		{"shorepass check --connect\n", []string{"ou=people", "ou=poeple"}},
		{"shorepass check --connect --user alice\n", nil},
		{"shorepass explain --login alice", nil},
	} {
		config, files := w.corpConfig(t, c.edits...)
		b := stack.NewBroker(t, program, config, files)
		typed, want, _ := strings.Cut(fenced(t, text, "console", c.command), "\n")
		typed = replace(t, typed, "$ ", "", "shorepass ", program+" ")
		r := stack.Run(t, nil, "", "sh", "-c", "cd "+b.Dir+" && exec 2>&1; "+typed)
		got := steadySteps(r.Stdout, strings.TrimPrefix(w.slapd.URL, "ldap://"), "ldap.corp.example:389", "localhost, 127.0.0.1", "ldap.corp.example", b.Dir+"/", "")
		if want = steadySteps(want); !matches(strings.TrimSpace(want), strings.TrimSpace(got)) {
			t.Errorf("%s prints\n%s\ndocs/operations.md has\n%s", typed, got, want)
		}
	}
}
