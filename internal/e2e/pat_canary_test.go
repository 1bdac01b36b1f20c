package e2e_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// spellings are the ways in which a token might be written down, whole or its secret
// part alone.
func spellings(token string) map[string]string {
	secret := token[16:48]
	all := map[string]string{
		"plain": secret, "escaped": url.QueryEscape(token),
		"hexadecimal": hex.EncodeToString([]byte(secret)), "HEXADECIMAL": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"bytes": strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]"),
	}
	for shift := range 3 { // base64 of a text that has it somewhere
		text := base64.StdEncoding.EncodeToString([]byte(secret[shift : shift+27]))
		all[fmt.Sprint("base64, ", shift)] = text
		all[fmt.Sprint("base64 of URLs, ", shift)] = strings.NewReplacer("+", "-", "/", "_").Replace(text)
	}
	return all
}

// TestTokenCanary looks for access tokens wherever the broker leaves anything: the log at
// its most talkative, the audit log, the database, a backup, and the registry's log.
func TestTokenCanary(t *testing.T) {
	w := newWorld(t, stack.V3, append(withTokens(), "data_dir: ./data\n", "data_dir: ./data\nlog: {level: debug, format: json}\n")...)
	live, foreign, revoked := w.mint(t, "alice", "live"), w.mint(t, "alice", "foreign", "--network", "192.0.2.0/24"), w.mint(t, "alice", "revoked")
	w.broker.Revoke(t, revoked)
	misread := live[:53] + string("01"[strings.Count(live[53:], "0")])
	for _, token := range []string{live, foreign, revoked, misread, live[:40]} {
		for _, g := range grantsWith(token) {
			_ = g.ask(t, w.broker)
		}
		ask(t, "http://"+w.broker.Addr+"/token?service="+service+"&account="+token+"&scope=repository:"+token+":pull&password="+token, token)
		for _, path := range []string{"/" + token, "/realms/" + token + "/keys", "/api/v1/tokens/" + token, "/api/v1/tokens?after=" + token} {
			ask(t, "http://"+w.broker.Addr+path, token)
		}
	}
	c := w.client(t)
	ok(t, c.DockerLogin("ci", live))
	ok(t, c.Crane("push", c.Image(), c.Ref("platform/app:1")))
	w.slapd.Stop(t)
	_ = w.broker.Token(t, "ci", live, service)
	for _, args := range [][]string{
		{"token", "list", "--all"},
		{"token", "list", "--all", "--json"},
		{"token", "show", stack.PublicID(live)},
		{"token", "show", live},
		{"token", "revoke", live},
		{"token", "revoke", stack.PublicID(foreign)},
	} {
		r := w.broker.Command(t, "", args...)
		wantNone(t, fmt.Sprint("what ", args[:2], " prints"), r.Text(), live, foreign, revoked)
	}

	backup := filepath.Join(t.TempDir(), "backup.tar")
	ok(t, w.broker.Command(t, "", "backup", backup))

	wantNone(t, "the log", w.broker.Output.String(), live, foreign, revoked, misread)
	wantNone(t, "the registry's log", w.registry.Output.String(), live)
	wantNone(t, "slapd's log", w.slapd.Log(), live, foreign, revoked, misread)
	for _, root := range []string{w.broker.Dir, filepath.Dir(backup)} {
		files := 0
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			files++
			wantNone(t, path, string(content), live, foreign, revoked, misread)
			return err
		})
		if err != nil || files == 0 {
			t.Fatalf("%d files, %v", files, err)
		}
	}
}

// ask asks for a URL that has a token in the wrong place.
func ask(t *testing.T, target, token string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("User-Agent", token)
	request.Header.Set("X-Request-Id", token)
	request.SetBasicAuth("alice", token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
}

// wantNone wants a text to have none of the tokens.
func wantNone(t *testing.T, what, text string, tokens ...string) {
	t.Helper()
	for _, token := range tokens {
		for how, spelling := range spellings(token) {
			if i := strings.Index(text, spelling); i >= 0 {
				around := text[max(0, i-200):min(len(text), i+100)]
				t.Errorf("%s has an access token, %s: …%q…", what, how, strings.ReplaceAll(around, spelling, "HERE"))
			}
		}
	}
}
