package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
		{"shorepass check --connect --user bob\n", []string{"          users:\n", "          users:\n            filter: (&(objectClass=inetOrgPerson)(!(sn=Baker)))\n"}},
		{"shorepass explain --login alice", nil},
	} {
		config, files := w.corpConfig(t, c.edits...)
		b := stack.NewBroker(t, program, config, files)
		typed, want, _ := strings.Cut(fenced(t, text, "console", c.command), "\n")
		typed = replace(t, typed, "$ ", "", "shorepass ", program+" ")
		r := stack.Run(t, nil, "", "sh", "-c", "cd "+b.Dir+" && exec 2>&1; "+typed)
		got := steadySteps(r.Stdout, strings.TrimPrefix(w.slapd.URL, "ldap://"), "ldap.corp.example:389 at 192.0.2.10:389", "localhost, 127.0.0.1", "ldap.corp.example", b.Dir, "/etc/shorepass")
		if want = steadySteps(want); !matches(strings.TrimSpace(want), strings.TrimSpace(got)) {
			t.Errorf("%s prints\n%s\ndocs/operations.md has\n%s", typed, got, want)
		}
	}
}

// TestOperationsSteps looks in the table for every step that a golden file has.
func TestOperationsSteps(t *testing.T) {
	told := cells(section(t, document(t, "docs/operations.md"), "Finding out why a login fails"))
	files, err := filepath.Glob("testdata/connect/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^    (?:ok  |FAIL)  (\S+(?: \S+)*) +0\.0 ms`).FindAllStringSubmatch(string(content), -1) {
			tree, attribute, _ := strings.Cut(m[1], " ")
			ofEntries := attribute != "" && slices.Contains(told, tree+" ATTRIBUTE")
			if !slices.Contains(told, m[1]) && !ofEntries {
				t.Errorf("%s has a step %q, which docs/operations.md does not tell", name, m[1])
			}
		}
	}
}
