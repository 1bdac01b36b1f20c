package server_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/broker/token"
)

// forgetful notes what it is to forget.
type forgetful struct{ of []string }

func (f *forgetful) Forget(realm, username string) int {
	f.of = append(f.of, realm+"/"+username)
	return len(f.of)
}

func TestClearCache(t *testing.T) {
	for _, tt := range []struct {
		name, query string
		auditor     broker.Auditor
		status      int
		text        string
		forgets     string
	}{
		{"all", "", new(acts), 200, `{"forgotten":1}`, "/"},
		{"a realm", "?realm=corp", new(acts), 200, `{"forgotten":1}`, "corp/"},
		{"a user", "?realm=corp&user=CORP%5Calice", new(acts), 200, `{"forgotten":1}`, `corp/CORP\alice`},
		{"no such realm", "?realm=lab", new(acts), 404, "the process that serves has no realm lab: it reads its configuration at its start, so restart it if the realm is new", ""},
		{"a parameter that there is not", "?users=alice", new(acts), 400, `there is no parameter "users" here, only realm, user`, ""},
		{"twice", "?user=alice&user=bob", new(acts), 400, "the parameter user is given more than once", ""},
		{"no record", "", broken{}, 500, "this could not be recorded in the audit log, and was not done: no space", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var guards forgetful
			a := server.Admin{Realms: map[string]server.Keys{"corp": &token.Ring{}}, Guards: &guards, Auditor: tt.auditor, Logger: slog.New(slog.DiscardHandler)}
			s := httptest.NewServer(a.Handler())
			defer s.Close()
			status, text := ask(t, http.MethodDelete, s.URL+"/v1/cache"+tt.query)
			if status != tt.status || text != tt.text {
				t.Errorf("%d %s", status, text)
			}
			if got := append(guards.of, "")[0]; got != tt.forgets {
				t.Errorf("forgets %q, want %q", got, tt.forgets)
			}
		})
	}
}
