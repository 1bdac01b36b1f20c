package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/e2e/stack"
	"github.com/shorepass/shorepass/internal/strictyaml"
)

// leakedAs are ways in which a token stands in a file, or what is none.
var leakedAs = map[string]func(token string) string{
	"token":      func(token string) string { return token },
	"basic":      func(token string) string { return basic("ci:" + token) },
	"kubernetes": kubernetes,
	"wrong":      func(token string) string { return token[:53] + string("01"[strings.Count(token[53:], "0")]) },
	"short":      func(token string) string { return token[:53] },
	"long":       func(token string) string { return token + "0" },
	"dash":       func(token string) string { return token[:30] + "-" + token[31:] },
	"upper":      func(token string) string { return "SRP_" + token[4:] },
	"id":         func(token string) string { return token[:16] },
}

func basic(login string) string { return base64.StdEncoding.EncodeToString([]byte(login)) }

func kubernetes(token string) string {
	return basic(`{"auths":{"registry.corp.example":{"auth":"` + basic("ci:"+token) + `"}}}`)
}

// leakedFiles are as people commit them, and what is in them: so many tokens, and so many
// strings that only the checksum tells from one.
var leakedFiles = map[string]struct {
	content       string
	tokens, wrong int
}{
	"deploy.sh":        {"#!/bin/sh\ndocker login -u ci -p {{token}} registry.corp.example\n", 1, 0},
	"two-in-a-line":    {"{{token}},{{token}}\n", 2, 0},
	"url.txt":          {"https://ci:{{token}}@login.corp.example/token\n", 1, 0},
	"escaped.json":     {`{"text": "first line\n{{token}}\nthird"}`, 1, 0},
	"end-of-file.env":  {"REGISTRY_PASSWORD={{token}}", 1, 0},
	"underscores.py":   {"name = 'prefix_{{token}}_suffix'\n", 1, 0},
	"config.json":      {`{"auths":{"registry.corp.example":{"auth":"{{basic}}"}}}`, 1, 0},
	"log.txt":          {"> Authorization: Basic {{basic}}\n", 1, 0},
	"kubernetes.yaml":  {"kind: Secret\ndata:\n  .dockerconfigjson: {{kubernetes}}\n", 1, 0},
	"right-and-wrong":  {"{{wrong}} {{token}}\n", 1, 1},
	"wrong-checksum":   {"token: {{wrong}}\n", 0, 1},
	"too-short":        {"token: {{short}}\n", 0, 0},
	"too-long":         {"token: {{long}}\n", 0, 0},
	"other-alphabet":   {"token: {{dash}}\n", 0, 0},
	"upper-case":       {"token: {{upper}}\n", 0, 0},
	"public-id-alone":  {"token {{id}} was revoked\n", 0, 0},
	"prefix-elsewhere": {"the srp_client_secret of RFC 5054\n", 0, 0},
}

// hiddenFiles have a token each that find_tokens.py finds. Scanners find some of them.
var hiddenFiles = map[string]func(token string) string{
	"wrapped": func(token string) string { return wrapped(kubernetes(token), 76, "\n") + "\n" },
	"wrapped at 64": func(token string) string {
		return "auth: >-\r\n" + wrapped("  "+basic("a-long-user-name:"+token), 64, "\r\n  ")
	},
	"wrapped in a line": func(token string) string { return `{"data": "` + wrapped(kubernetes(token), 76, `\n`) + `"}` + "\n" },
	"wrapped, patch":    func(token string) string { return "@@ -0,0 +1,9 @@\n+" + wrapped(kubernetes(token), 76, "\n+") + "\n" },
	"after an escape":   func(token string) string { return `{"script": "auth\n` + basic(token) + `\n"}` },
	"after a letter":    func(token string) string { return "-e" + basic(token) + "\n" },
	"escaped slashes": func(token string) string {
		return `{"auth":"` + strings.ReplaceAll(basic("~~?"+token), "/", `\/`) + `"}`
	},
	"escaped plus": func(token string) string {
		return `{"auth":"` + strings.ReplaceAll(basic("~~>"+token), "+", `\u002B`) + `"}`
	},
	"base64url":       func(token string) string { return base64.RawURLEncoding.EncodeToString([]byte("~~?:" + token)) },
	"UTF-16":          func(token string) string { return utf16Of("docker login\r\n-p " + token + "\r\n") },
	"UTF-16, big end": func(token string) string { return "\xfe\xff\x00" + utf16Of("-p " + token)[2:] },
	"PowerShell":      func(token string) string { return base64.StdEncoding.EncodeToString([]byte(utf16Of("-p " + token))) },
}

// wrapped is a text in lines.
func wrapped(text string, width int, end string) string {
	var lines []string
	for line := range slices.Chunk([]byte(text), width) {
		lines = append(lines, string(line))
	}
	return strings.Join(lines, end)
}

// utf16Of is a text as Windows writes it, the little end first.
func utf16Of(ascii string) string {
	return "\xff\xfe" + strings.Join(strings.Split(ascii, ""), "\x00") + "\x00"
}

// spill writes the files, and returns the public ids of the tokens in each.
func spill(t *testing.T, dir string) map[string][]string {
	t.Helper()
	ids := map[string][]string{}
	for name, f := range leakedFiles {
		content := regexp.MustCompile(`{{(\w+)}}`).ReplaceAllStringFunc(f.content, func(way string) string {
			text := pat.NewText()
			if way = strings.Trim(way, "{}"); way == "token" || way == "basic" || way == "kubernetes" {
				ids[name] = append(ids[name], text.ID())
			}
			return leakedAs[way](text.Secret().Reveal())
		})
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// TestFindTokens runs the script of docs/leaked-tokens.md over files with tokens, and
// with what looks like them.
func TestFindTokens(t *testing.T) {
	dir := t.TempDir()
	ids := spill(t, dir)
	for name, f := range leakedFiles {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			r := findTokens(t, "", path)
			if r.Code != min(1, f.tokens) {
				t.Errorf("exit code %d of %d tokens\n%s", r.Code, f.tokens, r.Text())
			}
			if strings.Count(r.Stdout, "\n") != f.tokens || strings.Contains(r.Text(), "srp_") {
				t.Errorf("it prints\n%s", r.Text())
			}
			for _, id := range ids[name] {
				if !strings.Contains(r.Stdout, id+": a token\n") {
					t.Errorf("%s is not in\n%s", id, r.Stdout)
				}
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if piped := findTokens(t, string(content)); piped.Code != r.Code || strings.ReplaceAll(piped.Stdout, "standard input", path) != r.Stdout {
				t.Errorf("from standard input it prints\n%s", piped.Text())
			}
			if all := findTokens(t, "", "--all", path); strings.Count(all.Stdout, "its checksum is wrong") != f.wrong {
				t.Errorf("with --all it prints\n%s", all.Stdout)
			}
		})
	}
	if r := findTokens(t, "", filepath.Join(dir, "not-there")); r.Code != 2 {
		t.Errorf("of a file that is not there: exit code %d", r.Code)
	}
	if r := findTokens(t, "", "--help"); r.Code != 0 || !strings.Contains(r.Stdout, "find_tokens.py [--all] FILE|FOLDER...") {
		t.Errorf("--help: exit code %d\n%s", r.Code, r.Text())
	}
	if r := findTokens(t, "", "--al", dir); r.Code != 2 || !strings.Contains(r.Stderr, "unknown option --al") {
		t.Errorf("of an unknown option: exit code %d\n%s", r.Code, r.Text())
	}
}

// TestFindTokensBelow has the script read a folder: all files in it and below, none twice by
// a link, and those that can be read where one cannot.
func TestFindTokensBelow(t *testing.T) {
	dir, text := t.TempDir(), pat.NewText()
	path := filepath.Join(dir, "a", "b", "deploy.sh")
	if err := errors.Join(
		os.MkdirAll(filepath.Dir(path), 0o700),
		os.WriteFile(path, []byte("docker login -p "+text.Secret().Reveal()+"\n"), 0o600),
		os.Symlink(path, filepath.Join(dir, "link")),
		os.Symlink(dir, filepath.Join(dir, "a", "around")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	want := path + ":1: " + text.ID() + ": a token\n"
	if r := findTokens(t, "", dir); r.Code != 1 || r.Stdout != want {
		t.Errorf("exit code %d\n%s\nwant %s", r.Code, r.Text(), want)
	}
	none := filepath.Join(dir, "not-there")
	if r := findTokens(t, "", none, dir); r.Code != 2 || r.Stdout != want || !strings.Contains(r.Stderr, none) {
		t.Errorf("beside a file that is not there: exit code %d\n%s", r.Code, r.Text())
	}
}

// TestFindTokensHidden runs it over files that hide a token from whoever looks for the
// regular expression, and for base64 that stands alone.
func TestFindTokensHidden(t *testing.T) {
	for name, hide := range hiddenFiles {
		for range 4 { // the letters around a token differ
			text := pat.NewText()
			r := findTokens(t, hide(text.Secret().Reveal()))
			if r.Code != 1 || strings.Count(r.Stdout, "\n") != 1 || !strings.Contains(r.Stdout, ": "+text.ID()+": a token\n") {
				t.Errorf("%s: exit code %d\n%s", name, r.Code, r.Text())
			}
		}
	}
}

func findTokens(t *testing.T, stdin string, args ...string) stack.Result {
	t.Helper()
	return stack.Run(t, nil, stdin, stack.Find(t, "python3"), append([]string{filepath.Join("..", "..", "docs", "leaked-tokens", "find_tokens.py")}, args...)...)
}

// TestFindTokensAgrees has the script judge what connectors/pat judges: tokens, and
// tokens with a character that differs.
func TestFindTokensAgrees(t *testing.T) {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	var text strings.Builder
	var want []string
	for i := range 2000 {
		token := pat.NewText().Secret().Reveal()
		if i%2 == 1 {
			at := 4 + i/2%50
			token = token[:at] + string(digits[(strings.IndexByte(digits, token[at])+1+i%61)%62]) + token[at+1:]
		}
		verdict := "no token: its checksum is wrong"
		if _, ok := pat.ParseText(connectors.NewSecret(token)); ok {
			verdict = "a token"
		}
		fmt.Fprintln(&text, token)
		want = append(want, fmt.Sprintf("standard input:%d: %s: %s", i+1, token[4:16], verdict))
	}
	if got := strings.Split(strings.TrimSpace(findTokens(t, text.String(), "--all").Stdout), "\n"); !slices.Equal(got, want) {
		t.Errorf("of %d strings, %d are judged as connectors/pat does", len(want), len(got))
	}
}

// TestGitleaks runs gitleaks with the configuration of docs/leaked-tokens.md.
func TestGitleaks(t *testing.T) {
	dir := t.TempDir()
	spill(t, dir)
	report := filepath.Join(t.TempDir(), "report.json")
	r := stack.Run(t, nil, "", stack.Find(t, "gitleaks"), "dir", dir, "--no-banner", "--config", filepath.Join("..", "..", "docs", "leaked-tokens", "gitleaks.toml"),
		"--report-format", "json", "--report-path", report)
	if r.Code != 1 {
		t.Fatalf("exit code %d:\n%s", r.Code, r.Text())
	}
	content, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var findings []struct{ RuleID, File, Secret string }
	if err := json.Unmarshal(content, &findings); err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, f := range findings {
		if f.RuleID == "shorepass-access-token" {
			found[filepath.Base(f.File)]++
			if len(f.Secret) != 54 {
				t.Errorf("%s: a secret of %d characters", f.File, len(f.Secret))
			}
		}
	}
	wantLeaks(t, found)

	// What the page says to do next.
	judged := findTokens(t, "", "--all", report)
	if got := strings.Count(judged.Stdout, "its checksum is wrong"); judged.Code != 1 || got == 0 {
		t.Errorf("of the report, find_tokens.py says (exit code %d)\n%s", judged.Code, judged.Text())
	}
}

// wantLeaks wants what a scanner found, by file, to be the tokens and what only their
// checksum tells from them.
func wantLeaks(t *testing.T, found map[string]int) {
	t.Helper()
	want := map[string]int{}
	for name, f := range leakedFiles {
		if n := f.tokens + f.wrong; n > 0 {
			want[name] = n
		}
	}
	if !maps.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
}

// TestTrufflehogDetector has Go's regular expressions, which are TruffleHog's, find what
// the detector of docs/leaked-tokens.md is to find. TruffleHog itself is no peer of the
// tests: it takes five minutes to build.
func TestTrufflehogDetector(t *testing.T) {
	var config struct {
		Detectors []struct {
			Name     string            `yaml:"name"`
			Keywords []string          `yaml:"keywords"`
			Regex    map[string]string `yaml:"regex"`
		} `yaml:"detectors"`
	}
	if err := strictyaml.Decode("trufflehog.yaml", []byte(document(t, "docs/leaked-tokens/trufflehog.yaml")), &config); err != nil {
		t.Fatal(err)
	}
	if len(config.Detectors) != 1 || !slices.Equal(config.Detectors[0].Keywords, []string{connectors.AccessTokenPrefix}) {
		t.Fatalf("%+v", config)
	}
	form := regexp.MustCompile(config.Detectors[0].Regex["token"])
	dir := t.TempDir()
	spill(t, dir)
	for name, f := range leakedFiles {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		want := f.tokens + f.wrong
		if strings.Contains(f.content, "{{basic}}") || strings.Contains(f.content, "{{kubernetes}}") {
			want = 0 // which TruffleHog decodes before
		}
		if got := len(form.FindAll(content, -1)); got != want {
			t.Errorf("%s: %d found, want %d", name, got, want)
		}
	}
}

// TestLeakedTokensCommands types what docs/leaked-tokens.md types when a token has leaked,
// where there is another realm, and looks for what it says of the audit log.
func TestLeakedTokensCommands(t *testing.T) {
	w := newWorld(t, "", append(withTokens(), "realms:\n", "realms:\n  - {name: lab, services: [registry.lab], connectors: [{name: tokens, type: pat}, {name: local, type: static, config: {file: users.yaml}}], policy: {rules: [{name: all, anyone: true, repositories: [lab], allow: [pull]}]}}\n")...)
	token := w.mint(t, "alice", "ci", "--realm", "corp")
	use := func() { _ = w.broker.Token(t, "ci", token, service, "repository:platform/app:pull") }
	use()
	text := section(t, document(t, "docs/leaked-tokens.md"), "When a token has leaked")
	commands := regexp.MustCompile(`(?m)^\$ (shorepass|jq) (.*)$`).FindAllStringSubmatch(text, -1)
	printed := map[string]string{}
	for _, c := range commands {
		line := replace(t, c[2], "0123456789ab", stack.PublicID(token))
		if c[1] == "jq" {
			use() // in vain
			printed["jq"] = ok(t, stack.Run(t, nil, "", "/bin/sh", "-c", "cd "+w.broker.Dir+" && exec "+stack.Find(t, "jq")+" "+line))
			continue
		}
		printed[strings.Fields(line)[1]] = ok(t, w.broker.Command(t, "", strings.Fields(line)...))
	}
	shown := regexp.MustCompile(`(?m)^realm +corp\n(?s:.*)^status +revoked\n`)
	if len(commands) != 3 || !strings.Contains(printed["revoke"], "of directory:alice") || !shown.MatchString(printed["show"]) {
		t.Errorf("%d commands print\n%s", len(commands), printed)
	}
	for _, want := range []string{`"127.0.0.1"`, `"granted"`, "platform/app", `"token-revoked"`} {
		if !strings.Contains(printed["jq"], want) {
			t.Errorf("jq prints nothing of %s:\n%s", want, printed["jq"])
		}
	}
	var of []string
	for _, e := range w.broker.Audit(t) {
		if e.Token == stack.PublicID(token) {
			of = append(of, strings.TrimSpace(e.Outcome+" "+e.Act+e.Reason))
		}
	}
	if want := []string{"granted create-token", "granted", "granted revoke-token", "granted show-token", "unauthenticated token-revoked"}; !slices.Equal(of, want) {
		t.Errorf("of the token, the audit log has %q, want %q", of, want)
	}
}

// TestLeakedTokensPage compares what docs/leaked-tokens.md shows of the files with them,
// and its example with connectors/pat.
func TestLeakedTokensPage(t *testing.T) {
	page := document(t, "docs/leaked-tokens.md")
	for file, language := range map[string]string{"gitleaks.toml": "toml", "trufflehog.yaml": "yaml"} {
		if rule := fenced(t, page, language, "srp_"); !strings.Contains(document(t, "docs/leaked-tokens/"+file), strings.TrimSpace(rule)) {
			t.Errorf("%s does not have\n%s", file, rule)
		}
	}
	form := strings.TrimSpace(fenced(t, page, "regex", "srp_"))
	for _, file := range []string{"gitleaks.toml", "trufflehog.yaml", "find_tokens.py"} {
		if !strings.Contains(document(t, "docs/leaked-tokens/"+file), form) {
			t.Errorf("%s looks for something else than %s", file, form)
		}
	}
	pin := regexp.MustCompile(`gitleaks/v8@v([0-9.]+)`).FindStringSubmatch(document(t, "internal/e2e/peers.sh"))
	if pin == nil || !strings.Contains(page, "gitleaks "+pin[1]+" ") {
		t.Errorf("the page does not name the gitleaks that make peers installs: %q", pin)
	}
	row := regexp.MustCompile("(?m)^\\| `(srp_\\w+)` `(\\w+)` \\| `0x[0-9A-F]+` \\| `(\\w+)` \\|$").FindStringSubmatch(page)
	if row == nil {
		t.Fatal("there is no example of a checksum")
	}
	example := strings.Join(row[1:], "")
	if _, ok := pat.ParseText(connectors.NewSecret(example)); !ok || !regexp.MustCompile("^"+form+"$").MatchString(example) {
		t.Errorf("the example is no token: %q", row[1:])
	}
}
