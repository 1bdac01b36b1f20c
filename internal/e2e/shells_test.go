package e2e_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// completions are command lines, the last word of which is to be completed, and what it can
// become, of which there may be more.
func completions() []struct {
	words []string
	want  []string
} {
	return []struct{ words, want []string }{
		{[]string{"keys", ""}, []string{"list", "rotate"}},
		{[]string{"check", "--con"}, []string{"--config", "--connect"}},
		{[]string{"explain", "--realm", ""}, []string{"corp"}},
		{[]string{"registry-config", "--service", ""}, []string{"registry.corp.example"}},
		{[]string{"registry-config", "--for", "v3"}, []string{"v3", "v3-jwks"}},
		{[]string{"explain", "--user", "peo"}, []string{"people:"}},
		{[]string{"explain", "--user", ""}, []string{"people:"}},
		{[]string{"completion", "b"}, []string{"bash"}},
	}
}

// TestCompletion has the shells complete command lines.
func TestCompletion(t *testing.T) {
	config := replace(t, example(t, "webhook/shorepass.yaml"), "{env: SHOREPASS_SECRET}", webhookSecret,
		"    policy:\n", "      - {name: tokens, type: pat}\n    policy:\n")
	b := stack.NewBroker(t, program, config, nil)
	complete := func(t *testing.T, shell, script string, args ...string) []string {
		t.Helper()
		r := stack.Run(t, []string{"PATH=" + filepath.Dir(program) + ":/usr/bin:/bin", "HOME=" + b.Dir, "TERM=dumb"}, "",
			"sh", append([]string{"-c", "cd " + b.Dir + ` && exec "$@"`, "sh", stack.Find(t, shell), "-c", script, shell}, args...)...)
		if r.Code != 0 {
			t.Errorf("exit code %d: %s", r.Code, r.Text())
		}
		var words []string
		for line := range strings.Lines(r.Stdout) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			word, _, _ = strings.Cut(word, " ") // bash shows a description in the word
			words = append(words, word)
		}
		return words
	}
	for shell, script := range map[string]string{
		"bash": `source /usr/share/bash-completion/bash_completion
			source <(shorepass completion bash)
			COMP_WORDS=(shorepass "$@") COMP_CWORD=$# COMP_LINE="shorepass $*" COMP_TYPE=9
			COMP_POINT=${#COMP_LINE}
			__start_shorepass 2>/dev/null # compopt works at a prompt alone
			printf '%s\n' "${COMPREPLY[@]}"`,
		"fish": `shorepass completion fish | source
			complete --do-complete "shorepass "(string join -- " " $argv[2..])`,
		"zsh": `autoload -U compinit && compinit -D
			source <(shorepass completion zsh)
			[ "${_comps[shorepass]}" = _shorepass ] || exit 3
			_describe() { print -rl -- $completions | sed 's/\\:/\x01/g;s/:.*//;s/\x01/:/g' } # shows nothing
			words=(shorepass "$@") CURRENT=$(($# + 1))
			_shorepass; :`,
	} {
		t.Run(shell, func(t *testing.T) {
			for _, c := range completions() {
				got := complete(t, shell, script, c.words...)
				if slices.Contains(got, "tokens:") {
					t.Errorf("shorepass %s: %q, and no person is of tokens", strings.Join(c.words, " "), got)
				}
				for _, want := range c.want {
					if !slices.Contains(got, want) {
						t.Errorf("shorepass %s: %q, want %q among them", strings.Join(c.words, " "), got, want)
					}
				}
			}
		})
	}
}

// TestManualPage has two programs that show manual pages find fault with it.
func TestManualPage(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "man", "shorepass.1")
	r := stack.Run(t, nil, "", stack.Find(t, "mandoc"), "-T", "lint", "-W", "warning", page)
	for line := range strings.Lines(r.Stdout) {
		if !strings.Contains(line, "missing date") { // it would be that of the build
			t.Error(line)
		}
	}
	if r := stack.Run(t, nil, "", stack.Find(t, "groff"), "-man", "-ww", "-z", "-Tutf8", page); r.Code != 0 || r.Text() != "" {
		t.Errorf("groff exits %d: %s", r.Code, r.Text())
	}
	source := document(t, "docs/man/shorepass.1")
	for _, name := range commands(t) {
		if !strings.Contains(source, `.SS "shorepass `+strings.ReplaceAll(name, "-", `\-`)) {
			t.Errorf("the page lacks %s", name)
		}
	}
}
