package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// operation is what a user wants of a client.
type operation string

// The operations.
const (
	opLogin         operation = "login"
	opPush          operation = "push"
	opPull          operation = "pull"
	opAnonymousPull operation = "anonymous pull"
	opBuild         operation = "build on a base image"
	opTags          operation = "tags of a repository"
	opCatalog       operation = "list of repositories"
	opRemove        operation = "delete"
	opMount         operation = "mount"
	opLogout        operation = "logout"
	opToken         operation = "access token"
)

// operations are the columns of the first table of docs/clients.md.
var operations = []operation{opLogin, opPush, opPull, opAnonymousPull, opBuild, opTags, opCatalog, opRemove, opMount, opLogout, opToken}

const yes = "yes"

// sentInstead is what becomes of layers that a tool has and may not mount.
const sentInstead = "nothing: the layers are sent instead"

// record is what a tool was seen to do, and what its user reads when refused.
type record struct {
	does   map[operation]string
	reads  map[refusal]string
	passed map[string]bool // the parts of the test
}

func newRecord() record {
	return record{does: map[operation]string{}, reads: map[refusal]string{}, passed: map[string]bool{}}
}

// add adds what was seen in another world. Registries do not differ in it, nor
// releases of a program, where something was seen in both.
func (r record) add(t *testing.T, name string, other record) {
	t.Helper()
	same := maps.Equal(r.does, other.does)
	for what, text := range other.reads {
		known, seen := r.reads[what]
		same = same && (!seen || known == text)
	}
	if len(r.does) > 0 && len(other.does) > 0 && !same {
		t.Errorf("%s differs between registries or releases:\n%v\n%v", name, r, other)
	}
	maps.Copy(r.does, other.does)
	maps.Copy(r.reads, other.reads)
	maps.Copy(r.passed, other.passed)
}

// refusals are the rows of the second table of docs/clients.md, and how it calls them.
var refusals = []struct {
	refusal
	title string
}{
	{wrongPassword, "wrong password"},
	{unknownUser, "unknown user"},
	{stalePassword, "password changed since the login, pull"},
	{stalePush, "password changed since the login, push"},
	{loginThrottled, "too many failed logins, login"},
	{pullThrottled, "too many failed logins, pull"},
	{identityToken, "identity token of another server, pull"},
	{pullAnonymous, "not logged in, pull"},
	{pushAnonymous, "not logged in, push"},
	{publicAnonymous, "not logged in, push to where anybody may pull"},
	{tagsAnonymous, "not logged in, tags"},
	{catalogAnonymous, "not logged in, list of repositories"},
	{deleteAnonymous, "not logged in, delete where anybody may pull"},
	{pullDenied, "pull not allowed"},
	{pushDenied, "push not allowed"},
	{deleteDenied, "delete not allowed"},
	{tagsDenied, "tags not allowed"},
	{catalogDenied, "list of repositories not allowed"},
	{buildAnonymous, "not logged in, build on a base image"},
	{buildDenied, "build on a base image that may not be pulled"},
	{mountDenied, "copy from a repository that may not be read"},
	{loginDown, "directory down, login"},
	{pullDown, "directory down, pull"},
	{pushDown, "directory down, push"},
	{wrongService, "wrong service in the registry's configuration, pull"},
	{loginToken, "access token that does not count (any more), login"},
	{pullToken, "access token that does not count any more, pull"},
	{pushToken, "access token that does not count any more, push"},
	{pushCeiling, "push with an access token that is for pulling"},
	{serverError, "Shorepass cannot write its audit log, pull"},
}

// checkPage compares the part of docs/clients.md that is made from the run.
func checkPage(t *testing.T, names []string, seen map[string]record) {
	t.Helper()
	const begin, end = "<!-- made by the tests: make golden -->\n", "<!-- end of what the tests made -->\n"
	file := filepath.Join("..", "..", "docs", "clients.md")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(content), begin)
	got, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for what the tests make", file)
	}
	want := page(names, seen)
	if *update && got != want {
		if err := os.WriteFile(file, []byte(head+begin+want+end+tail), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("docs/clients.md says\n%s\nand the clients were seen to do\n%s\nrun \"make golden\" and read the diff", got, want)
	}
}

// checkFiles wants every golden file to be one of a message that somebody read.
func checkFiles(t *testing.T, seen map[string]record) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "messages", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for name, r := range seen {
		for what, text := range r.reads {
			used[messageFile(name, what)] = text != sentInstead
		}
	}
	for _, file := range files {
		switch {
		case used[file]:
		case !*update:
			t.Errorf("nobody reads %s any more: run \"make golden\", which removes it", file)
		default:
			if err := os.Remove(file); err != nil {
				t.Error(err)
			}
		}
	}
}

// page is what the tests make of docs/clients.md.
func page(names []string, seen map[string]record) string {
	var b strings.Builder
	b.WriteString("| client |")
	for _, o := range operations {
		fmt.Fprintf(&b, " %s |", o)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(operations)) + "\n")
	for _, name := range names {
		fmt.Fprintf(&b, "| %s |", name)
		for _, o := range operations {
			fmt.Fprintf(&b, " %s |", or(seen[name].does[o], "—"))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n## Which words reach the user\n\n")
	writeWords(&b, names, seen)
	b.WriteString("\n## What users read when they are refused\n")
	for _, name := range names {
		fmt.Fprintf(&b, "\n### %s\n\n| refused | what the user reads |\n|---|---|\n", name)
		for _, text := range wordings(seen[name]) {
			fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(titles(seen[name], text), "; "), cell(text))
		}
	}
	return b.String()
}

// writeWords says of each refusal that the broker makes whether the user reads why.
func writeWords(b *strings.Builder, names []string, seen map[string]record) {
	columns := []refusal{wrongPassword, stalePassword, pullThrottled, pullAnonymous, pullDown, pullToken}
	b.WriteString("| client |")
	for _, what := range refusals {
		if slices.Contains(columns, what.refusal) {
			fmt.Fprintf(b, " %s |", what.title)
		}
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, name := range names {
		fmt.Fprintf(b, "| %s |", name)
		for _, what := range columns {
			switch text := seen[name].reads[what]; {
			case text == "":
				b.WriteString(" — |")
			case strings.Contains(text, ours[what]):
				b.WriteString(" the broker's words |")
			default:
				b.WriteString(" hidden by the client |")
			}
		}
		b.WriteString("\n")
	}
}

// wordings are the different texts that a tool's user reads, in the order of refusals.
func wordings(r record) []string {
	var all []string
	for _, what := range refusals {
		if text := r.reads[what.refusal]; text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// titles are the refusals with that text.
func titles(r record, text string) []string {
	var all []string
	for _, what := range refusals {
		if r.reads[what.refusal] == text {
			all = append(all, what.title)
		}
	}
	return all
}

// cell is text in a cell of a table, with the names of the examples for the addresses.
func cell(text string) string {
	if text == sentInstead {
		return text
	}
	text = strings.NewReplacer("{{registry}}", "registry.corp.example", "{{broker}}", "login.corp.example", "|", "\\|").Replace(strings.TrimSpace(text))
	return "`" + strings.ReplaceAll(text, "\n", "`<br>`") + "`"
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
