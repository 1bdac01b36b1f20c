package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// document reads a file of the repository.
func document(tb testing.TB, name string) string {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}

// fenced returns the one fenced block of a language that contains a text.
func fenced(tb testing.TB, text, language, containing string) string {
	tb.Helper()
	var found []string
	for i, block := range strings.Split(text, "\n```") {
		if body, ok := strings.CutPrefix(block, language+"\n"); ok && i%2 == 1 && strings.Contains(body, containing) {
			found = append(found, body+"\n")
		}
	}
	if len(found) != 1 {
		tb.Fatalf("%d %s blocks have %q, want one", len(found), language, containing)
	}
	return found[0]
}

// section returns what stands below a heading, up to the next of its level.
func section(tb testing.TB, text, heading string) string {
	tb.Helper()
	_, rest, ok := strings.Cut(text, "\n## "+heading+"\n")
	if !ok {
		tb.Fatalf("there is no section %q", heading)
	}
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

// cells returns the backquoted names in the first cells of the tables in text.
func cells(text string) []string {
	var names []string
	for _, line := range strings.Split(text, "\n") {
		if row := strings.Split(line, "|"); len(row) > 2 {
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
				names = append(names, m[1])
			}
		}
	}
	return names
}

// sameNames wants two lists to be equal but for their order.
func sameNames(t *testing.T, what string, told, there []string) {
	t.Helper()
	slices.Sort(told)
	slices.Sort(there)
	if there = slices.Compact(there); !slices.Equal(told, there) {
		t.Errorf("%s: the document has\n%q\nthere are\n%q", what, told, there)
	}
}

// TestReadmePolicy checks the README's policy with a connector called directory.
func TestReadmePolicy(t *testing.T) {
	rules := fenced(t, document(t, "README.md"), "yaml", "rules:")
	config := replace(t, example(t, "small-team/shorepass.yaml"), "name: local", "name: directory")
	before, _, _ := strings.Cut(config, "    policy:\n")
	b := stack.NewBroker(t, program, before+"    policy: policy.yaml\n", map[string]string{
		"policy.yaml": rules, "users.yaml": example(t, "small-team/users.yaml"),
	})
	if r := b.Command(t, "", "check"); r.Code != 0 || !strings.HasSuffix(r.Text(), "shorepass.yaml: fine\n") {
		t.Errorf("check exits %d:\n%s", r.Code, r.Text())
	}
}

// TestReadmeExplain runs the README's "shorepass explain", from the repository's root.
func TestReadmeExplain(t *testing.T) {
	command, want, _ := strings.Cut(fenced(t, document(t, "README.md"), "console", "$ shorepass explain"), "\n")
	args := strings.Fields(strings.TrimPrefix(command, "$ shorepass "))
	for i, arg := range args {
		if strings.HasSuffix(arg, "/shorepass.yaml") {
			args[i] = filepath.Join("..", "..", arg)
		}
	}
	if r := stack.Run(t, nil, "", program, args...); r.Stdout != want {
		t.Errorf("explain prints\n%s\nthe README has\n%s", r.Stdout, want)
	}
}

// TestReadmeTables compares the tables of commands and connectors with the program.
func TestReadmeTables(t *testing.T) {
	readme := document(t, "README.md")
	var told []string
	for _, c := range cells(section(t, readme, "Setting it up")) {
		c = strings.TrimSuffix(strings.TrimPrefix(c, "shorepass "), " SCOPE…")
		told = append(told, c)
	}
	sameNames(t, "commands", told, commands(t))
	sameNames(t, "connectors", cells(section(t, readme, "Connectors")), connectorTypes(t))

	_, version, _ := strings.Cut(document(t, "go.mod"), "\ngo ")
	version, _, _ = strings.Cut(version, "\n")
	if minor := "Go " + strings.TrimSuffix(version, ".0"); strings.Count(readme, minor) < 2 {
		t.Errorf("go.mod needs go %s: the README does not say %q", version, minor)
	}
}

// commands asks the program for its commands, and each of those for its own.
func commands(t *testing.T, above ...string) []string {
	t.Helper()
	help := ok(t, stack.Run(t, nil, "", program, append(above, "--help")...))
	_, list, more := strings.Cut(help, "Available Commands:\n")
	if !more {
		return []string{strings.Join(above, " ")}
	}
	list, _, _ = strings.Cut(list, "\n\n")
	var names []string
	for _, line := range strings.Split(list, "\n") {
		if name := strings.Fields(line)[0]; name != "help" {
			names = append(names, commands(t, append(slices.Clone(above), name)...)...)
		}
	}
	return names
}

// connectorTypes has the program say which types there are.
func connectorTypes(tb testing.TB) []string {
	tb.Helper()
	config := replace(tb, example(tb, "small-team/shorepass.yaml"), "type: static", "type: none")
	r := stack.NewBroker(tb, program, config, nil).Command(tb, "", "check")
	_, list, known := strings.Cut(r.Text(), "the types are ")
	if !known {
		tb.Fatalf("check does not say which connector types there are:\n%s", r.Text())
	}
	list, _, _ = strings.Cut(list, "\n")
	return regexp.MustCompile(`[a-z]+`).FindAllString(list, -1)
}

// clock is the time in what crane prints.
var clock = regexp.MustCompile(`(?m)^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d `)

// steady is printed text without what differs from run to run, or between the demo
// and the registry of this test.
func steady(text string) string {
	text = regexp.MustCompile(`sha256(:|%3A)[0-9a-f]{64}|size: \d+|map\[Action.*\]`).ReplaceAllString(text, "")
	return strings.TrimSpace(clock.ReplaceAllString(text, ""))
}

// TestReadmeTranscript types what the README's transcript types, with the demo's
// configuration and people, and compares what is printed, and what is narrated of it
// with the audit log. A line "…" stands for any number of lines.
func TestReadmeTranscript(t *testing.T) {
	t.Parallel()
	b := startQuickstart(t)
	w := &world{broker: b, registry: stack.StartRegistry(t, b, stack.V3)}
	alice, home := w.client(t), t.TempDir()
	engine := "DOCKER_HOST=unix://" + stack.StartEngine(t).Socket // whatever this machine has of its own
	ok(t, alice.DockerLogin("alice", "alice-password"))
	image := alice.Image()
	for _, seed := range []string{"platform/hello", "public/hello"} {
		ok(t, alice.Crane("push", image, alice.Ref(seed)))
	}
	seeded := len(b.Audit(t))

	readme := document(t, "README.md")
	demo := strings.NewReplacer(w.registry.Addr, "localhost:5000", b.Addr, "localhost:5001")
	here := strings.NewReplacer("localhost:5000", w.registry.Addr, "localhost:5001", b.Addr)
	for _, typed := range strings.Split("\n"+fenced(t, readme, "console", "docker login"), "\n$ ")[1:] {
		command, want, _ := strings.Cut(typed, "\n")
		r := stack.Run(t, []string{"HOME=" + home, "DOCKER_CONFIG=" + home, engine}, "", "sh", "-c", "exec 2>&1; "+here.Replace(command)) // as on a terminal
		refused := strings.Contains(want, "Error:") || strings.Contains(want, "unauthorized:")
		if got := demo.Replace(r.Stdout); !matches(steady(want), steady(got)) || refused != (r.Code != 0) {
			t.Errorf("%s exits %d and prints\n%s\nthe README has\n%s", command, r.Code, got, want)
		}
	}

	checkNarration(t, fenced(t, readme, "text", "login accepted"), filepath.Join(b.Dir, "data", "audit.jsonl"), seeded)
}

// checkNarration wants every verdict of the narration to be of the person above it,
// in the audit log after the first lines, and in the same order.
func checkNarration(t *testing.T, narrated, auditFile string, first int) {
	t.Helper()
	content, err := os.ReadFile(auditFile)
	if err != nil {
		t.Fatal(err)
	}
	var happened []string
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n")[first:] {
		var e broker.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		happened = append(happened, verdicts(e)...)
	}
	who, rest, checked := "", happened, 0
	for _, line := range strings.Split(narrated, "\n") {
		if m := regexp.MustCompile(`^\d\d:\d\d:\d\d  (\S+)`).FindStringSubmatch(line); m != nil {
			who = m[1]
			continue
		}
		line = strings.TrimSpace(line)
		if line == "" || line == "…" {
			continue
		}
		checked++
		i := slices.Index(rest, who+" "+line)
		if i < 0 {
			t.Fatalf("the README narrates of %s %q; what happened then is\n%s", who, line, strings.Join(rest, "\n"))
		}
		rest = rest[i+1:]
	}
	if checked == 0 {
		t.Error("the narration has no verdicts")
	}
}

// verdicts are the lines of the narration of one request, each after who it was.
func verdicts(e broker.Entry) []string {
	who := e.Subject
	switch e.Kind {
	case "anonymous":
		who = "anonymous"
	case "":
		who = "somebody"
	}
	var lines []string
	for _, some := range []struct {
		word string
		list []broker.Verdict
	}{{"granted", e.Granted}, {"refused", e.Refused}} {
		for i, v := range some.list {
			why := "no rule allows it"
			if v.Rule != "" {
				why = fmt.Sprintf("rule %q", v.Rule)
			}
			name := strings.TrimPrefix(v.Scope, "repository:")
			if i > 0 && some.list[i-1].Scope == v.Scope && some.list[i-1].Rule == v.Rule {
				lines[len(lines)-1] = strings.Replace(lines[len(lines)-1], " (", ", "+v.Action+" (", 1)
				continue
			}
			lines = append(lines, fmt.Sprintf("%s %s  %s: %s (%s)", who, some.word, name, v.Action, why))
		}
	}
	switch {
	case e.Reason == "no-credentials":
		lines = append(lines, who+" answered 401: log in first")
	case e.Outcome == broker.Unauthenticated.Error():
		lines = append(lines, fmt.Sprintf("%s answered 401: login refused (%s)", who, e.Reason))
	case len(lines) == 0:
		lines = append(lines, who+" login accepted")
	}
	return lines
}

// matches compares line by line, but for spaces around lines.
func matches(want, got string) bool {
	pattern := "^"
	for _, line := range strings.Split(want, "\n") {
		if line = strings.TrimSpace(line); line == "…" {
			pattern += `(.*\n)*`
			continue
		}
		pattern += ` *` + regexp.QuoteMeta(line) + ` *\n`
	}
	return regexp.MustCompile(pattern + "$").MatchString(got + "\n")
}
