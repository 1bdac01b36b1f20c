package cmd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/cmd"
)

// stranger is a server that answers as it likes, and notes what it is asked.
type stranger struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // method and path
}

// openStranger starts a server whose nth request, from 0, answer answers.
func openStranger(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int)) *stranger {
	t.Helper()
	s := new(stranger)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		s.mu.Lock()
		n := len(s.asked)
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		answer(w, r, n)
	}))
	t.Cleanup(s.Close)
	return s
}

// runs runs a command about one's own tokens at the server.
func (s *stranger) runs(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	return own(t, s.URL, args...)
}

func own(t *testing.T, url string, args ...string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args = append(append([]string{"token"}, args...), "--server", url, "--user", "alice", "--password-stdin")
	code = cmd.Run(t.Context(), args, cmd.Streams{In: strings.NewReader("alice-pw\n"), Out: &stdout, Err: &stderr}, nil)
	return code, stdout.String(), stderr.String()
}

func says(w http.ResponseWriter, status int, kind string, body any) {
	content, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(content)
}

const (
	madeSecret = "srp_0123456789abABCDEFGHIJKLMNOPQRSTUVWXYZabcdef3a1QgX" // with the right checksum
	madeID     = "0123456789ab"
)

// one is a token as a server shows it.
func one(id string, status access.Status) access.Token {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return access.Token{ID: id, Realm: "corp", Owner: "directory:alice", Name: "ci", Scopes: []string{"repository:a:pull"}, Networks: []string{}, Created: at, CreatedBy: "directory:alice", Expires: at.Add(time.Hour), Status: status}
}

// TestServerIsNotBelieved holds that nothing counts as made, shown or revoked but what a
// Shorepass would have answered.
func TestServerIsNotBelieved(t *testing.T) {
	made := func(id, secret string) any { return server.MadeToken{Token: one(id, access.Live), Secret: secret} }
	create := []string{"create", "--name", "ci", "--scope", "repository:a:pull"}
	show, revoke := []string{"show", madeID}, []string{"revoke", madeID}
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		kind   string
		body   any
		want   string // in the message; empty: it is believed
	}{
		{"made", create, 201, "application/json", made(madeID, madeSecret), ""},
		{"made, another status", create, 200, "application/json", made(madeID, madeSecret), `answers "200 OK", and not as a Shorepass`},
		{"made, another media type", create, 201, "text/html", made(madeID, madeSecret), "and not as a Shorepass"},
		{"made, nothing in it", create, 201, "application/json", map[string]string{}, "something that is no access token"},
		{"made, null", create, 201, "application/json", nil, "something that is no access token"},
		{"made, no token", create, 201, "application/json", made(madeID, "secret\nsecond line"), "something that is no access token"},
		{"made, a wrong checksum", create, 201, "application/json", made(madeID, madeSecret[:53]+"Y"), "something that is no access token"},
		{"made, of another id", create, 201, "application/json", made("000000000000", madeSecret), "something that is no access token"},
		{"shown", show, 200, "application/json", one(madeID, access.Live), ""},
		{"shown, another", show, 200, "application/json", one("000000000000", access.Live), "another token than " + madeID},
		{"shown, nothing in it", show, 200, "application/json", map[string]string{}, "another token than " + madeID},
		{"shown, another status", show, 201, "application/json", one(madeID, access.Live), "and not as a Shorepass"},
		{"revoked", revoke, 200, "application/json", one(madeID, access.Revoked), ""},
		{"revoked, still live", revoke, 200, "application/json", one(madeID, access.Live), "a token that is not revoked"},
		{"revoked, another", revoke, 200, "application/json", one("000000000000", access.Revoked), "another token than " + madeID},
		{"revoked, nothing in it", revoke, 200, "application/json", map[string]string{}, "another token than " + madeID},
		{"revoked, accepted", revoke, 202, "application/json", one(madeID, access.Revoked), "and not as a Shorepass"},
		{"a problem that is none", revoke, 200, "application/problem+json", map[string]string{"detail": "x"}, "and not as a Shorepass"},
		{"a problem", revoke, 404, "application/problem+json", map[string]string{"detail": "no such token"}, "shorepass: no such token\n"},
		{"a realm is missing", revoke, 400, "application/problem+json", map[string]string{"detail": "the parameter realm is missing", "field": "realm"}, "--realm is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := openStranger(t, func(w http.ResponseWriter, _ *http.Request, _ int) { says(w, tt.status, tt.kind, tt.body) })
			code, out, errs := s.runs(t, tt.args...)
			if tt.want == "" && (code != 0 || out == "") {
				t.Errorf("exits %d: %s%s", code, out, errs)
			}
			if tt.want != "" && (code != 1 || strings.TrimSpace(out) != "" || !strings.Contains(errs, tt.want)) {
				t.Errorf("exits %d: %s%s", code, out, errs)
			}
		})
	}
}

// TestServerAndTheTerminal holds that nothing of a server's gets to the terminal that it
// would obey.
func TestServerAndTheTerminal(t *testing.T) {
	const evil = "\x1b]0;owned\a\x1b[31m\u009b2J\u202eA\tB\nC"
	token := one(madeID, evil)
	token.Owner, token.Name, token.Scopes, token.CreatedBy, token.Groups, token.Networks = evil, evil, []string{evil}, evil, []string{evil}, []string{evil}
	token.Realm, token.LastUsedFrom, token.RevokedBy, token.Revoked = evil, evil, evil, token.Created
	revoked := token
	revoked.Status = access.Revoked
	for _, tt := range []struct {
		name   string
		status int
		body   any
		args   []string
	}{
		{"created", 201, server.MadeToken{Token: token, Secret: madeSecret, Warnings: []string{evil}}, []string{"create", "--name", "ci", "--scope", "repository:a:pull"}},
		{"listed", 200, server.TokenPage{List: access.List{Tokens: []access.Token{token}}}, []string{"list"}},
		{"shown", 200, token, []string{"show", madeID}},
		{"revoked", 200, revoked, []string{"revoke", madeID}},
		{"a problem", 403, map[string]string{"detail": evil}, []string{"list"}},
	} {
		for _, flags := range [][]string{nil, {"--json"}} {
			t.Run(fmt.Sprint(tt.name, flags), func(t *testing.T) {
				s := openStranger(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
					kind := "application/json"
					if tt.status >= 400 {
						kind = "application/problem+json"
					}
					says(w, tt.status, kind, tt.body)
				})
				_, out, errs := s.runs(t, append(tt.args, flags...)...)
				if i := strings.IndexFunc(out+errs, func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }); i >= 0 {
					t.Errorf("printed %q", out+errs)
				}
				if lines := strings.Count(out, "\n"); flags == nil && tt.name == "listed" && lines != 2 {
					t.Errorf("a table of %d lines: %q", lines, out)
				}
				if flags != nil && tt.status == 200 && !json.Valid([]byte(out)) {
					t.Errorf("no JSON: %s", out)
				}
			})
		}
	}
}

// TestServerWithoutEnd holds that no server keeps a command going, or has it revoke what
// is not there.
func TestServerWithoutEnd(t *testing.T) {
	id := func(n int) string { return fmt.Sprintf("%012d", n) }
	page := func(next string, tokens ...access.Token) server.TokenPage {
		return server.TokenPage{List: access.List{Tokens: tokens}, Next: next}
	}
	for _, tt := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request, n int)
		want   string
	}{
		{"the same page again", func(w http.ResponseWriter, _ *http.Request, _ int) {
			says(w, 200, "application/json", page("1.000000000001", one(id(1), access.Live)))
		}, "with a list that has no id for a token, or one twice"},
		{"tokens without ids", func(w http.ResponseWriter, _ *http.Request, n int) {
			says(w, 200, "application/json", page(id(n), one("", access.Live)))
		}, "with a list that has no id for a token, or one twice"},
		{"empty pages", func(w http.ResponseWriter, _ *http.Request, n int) {
			says(w, 200, "application/json", page(id(n)))
		}, "with an empty page of a list that goes on"},
		{"page after page", func(w http.ResponseWriter, _ *http.Request, n int) {
			says(w, 200, "application/json", page(id(n), one(id(n), access.Live)))
		}, "with a list of more than 1000 pages"},
		{"one page without end", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.Header().Set("Content-Type", "application/json")
			for chunk := bytes.Repeat([]byte(" "), 1<<16); r.Context().Err() == nil; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, "with more than 8 MiB"},
		{"more than there may be", func(w http.ResponseWriter, _ *http.Request, _ int) {
			var tokens []access.Token
			for i := range access.MaxTokens + 1 {
				tokens = append(tokens, one(id(i), access.Live))
			}
			says(w, 200, "application/json", page("", tokens...))
		}, "with more than the 100 tokens that anybody may have"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := openStranger(t, tt.answer)
			code, out, errs := s.runs(t, "revoke", "--all")
			if code != 1 || out != "" || !strings.Contains(errs, tt.want) {
				t.Errorf("exits %d: %s%s", code, out, errs)
			}
			if slices.ContainsFunc(s.asked, func(a string) bool { return strings.HasPrefix(a, http.MethodDelete) }) {
				t.Errorf("asked %v", s.asked)
			}
		})
	}
}

// TestServerPages lists what comes in pages.
func TestServerPages(t *testing.T) {
	s := openStranger(t, func(w http.ResponseWriter, r *http.Request, n int) {
		if r.FormValue("limit") != "100" || n > 0 && r.FormValue("after") != fmt.Sprint("place", n-1) {
			t.Errorf("asked %s", r.URL)
		}
		next := ""
		if n < 2 {
			next = fmt.Sprint("place", n)
		}
		says(w, 200, "application/json", server.TokenPage{List: access.List{Tokens: []access.Token{one(fmt.Sprintf("%012d", n), access.Live)}}, Next: next})
	})
	if code, out, errs := s.runs(t, "list"); code != 0 || strings.Count(out, "directory:alice") != 3 {
		t.Errorf("exits %d: %s%s", code, out, errs)
	}
}

// TestServerRedirect holds that the password goes to the server that was named alone.
func TestServerRedirect(t *testing.T) {
	other := openStranger(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		says(w, 200, "application/json", server.TokenPage{List: access.List{Tokens: []access.Token{}}})
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := openStranger(t, func(w http.ResponseWriter, r *http.Request, _ int) { http.Redirect(w, r, other.URL, status) })
		if code, out, errs := s.runs(t, "list"); code != 1 || out != "" || !strings.Contains(errs, "and not as a Shorepass") {
			t.Errorf("%d: exits %d: %s%s", status, code, out, errs)
		}
	}
	if len(other.asked) != 0 {
		t.Errorf("the other was asked %v", other.asked)
	}
}

// TestServerURLs holds which addresses a password goes to unencrypted: this machine's.
func TestServerURLs(t *testing.T) {
	for url, want := range map[string]string{
		"http://127.0.0.1:1":                 "cannot be reached",
		"http://127.1.2.3:1":                 "cannot be reached",
		"http://[::1]:1":                     "cannot be reached",
		"http://localhost:1":                 "cannot be reached",
		"http://LOCALHOST:1":                 "cannot be reached",
		"http://login.localhost:1":           "cannot be reached",
		"http://localhost.example:1":         "unencrypted",
		"http://notlocalhost:1":              "unencrypted",
		"http://login.localhost.example:1":   "unencrypted",
		"http://127.0.0.1.example:1":         "unencrypted",
		"http://192.0.2.1:1":                 "unencrypted",
		"http://0.0.0.0:1":                   "unencrypted",
		"http://[2001:db8::1]:1":             "unencrypted",
		"http://2130706433:1":                "unencrypted",
		"http://localhost@login.example:1":   "leave the user out",
		"http://login.example:1#localhost:1": "without ? and #",
		"HTTP://login.example:1":             "unencrypted",
		"httpx://localhost:1":                "neither https nor http",
	} {
		code, out, errs := own(t, url, "list")
		if code == 0 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exits %d: %s%s, want %q", url, code, out, errs, want)
		}
	}
}

// TestServerGoesAway holds that whoever wanted a token learns that there may be one.
func TestServerGoesAway(t *testing.T) {
	s := openStranger(t, func(http.ResponseWriter, *http.Request, int) { panic(http.ErrAbortHandler) })
	const may = "a token may have been made all the same"
	if code, _, errs := s.runs(t, "create", "--name", "ci", "--scope", "repository:a:pull"); code != 1 || !strings.Contains(errs, may) {
		t.Errorf("exits %d: %s", code, errs)
	}
	if code, _, errs := s.runs(t, "list"); code != 1 || strings.Contains(errs, may) {
		t.Errorf("exits %d: %s", code, errs)
	}
	s.Close()
	if code, _, errs := s.runs(t, "create", "--name", "ci", "--scope", "repository:a:pull"); code != 1 || strings.Contains(errs, may) {
		t.Errorf("exits %d: %s", code, errs)
	}
}

// TestServerFlags refuses what would be sent as something else.
func TestServerFlags(t *testing.T) {
	s := openStranger(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusTeapot) })
	for want, args := range map[string][]string{
		"--user: a name with a colon cannot be sent": {"list", "--user", "ali:ce"},
		"--name is not UTF-8":                        {"create", "--name", "a\xff", "--scope", "repository:a:pull"},
		"--scope is not UTF-8":                       {"create", "--name", "a", "--scope", "repository:\xff:pull"},
	} {
		var stdout, stderr bytes.Buffer
		args = append(append([]string{"token"}, args...), "--server", s.URL, "--password-stdin")
		code := cmd.Run(t.Context(), args, cmd.Streams{In: strings.NewReader("alice-pw\n"), Out: &stdout, Err: &stderr}, nil)
		if code != 2 || !strings.Contains(stderr.String(), want) {
			t.Errorf("exits %d: %s, want %q", code, stderr.String(), want)
		}
	}
	if len(s.asked) != 0 {
		t.Errorf("asked %v", s.asked)
	}
}
