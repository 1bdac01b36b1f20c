package server_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/broker/token"
)

// forgetful notes what it is asked, and to forget.
type forgetful struct{ of []string }

func (f *forgetful) Of(realm, username string) (server.Guarded, error) {
	if username == "no name" {
		return nil, errors.New("no name here")
	}
	return &meant{f, realm + "/" + username}, nil
}

// meant is who is meant.
type meant struct {
	*forgetful
	who string
}

func (f *meant) Forget() int {
	f.of = append(f.of, "answers of "+f.who)
	return 1
}

func (f *meant) Lockouts() []server.Lockout {
	f.of = append(f.of, "lockouts of "+f.who)
	if strings.HasSuffix(f.who, "/bob") {
		return nil
	}
	return []server.Lockout{{User: "alice", Connectors: []string{"corp/directory"}, Refused: 4, Counted: 3, Budget: 3}}
}

func (f *meant) ClearLockouts() int {
	f.of = append(f.of, "no lockouts of "+f.who)
	return 2
}

func (f *forgetful) ClearNetworks(in netip.Prefix) int {
	f.of = append(f.of, "networks in "+in.String())
	return 3
}

func TestAdminGuards(t *testing.T) {
	const cache, lockouts = "/v1/cache", "/v1/lockouts"
	for _, tt := range []struct {
		name, method, path string
		auditor            broker.Auditor
		status             int
		text               string
		asked              string
	}{
		{"lockouts", http.MethodGet, lockouts, broken{}, 200, `[{"user":"alice","connectors":["corp/directory"],"refused":4,"counted":3,"budget":3}]`, "lockouts of /"},
		{"lockouts of a user", http.MethodGet, lockouts + "?realm=corp&user=bob", broken{}, 200, `[]`, "lockouts of corp/bob"},
		{"lockouts of no realm", http.MethodGet, lockouts + "?realm=lab", broken{}, 404, "the process that serves has no realm lab: if the realm is new, send it SIGHUP, so that it reads its configuration again", ""},
		{"lockouts of no user name", http.MethodGet, lockouts + "?user=no+name", broken{}, 400, "user: no name here", ""},
		{"no lockouts of no user name", http.MethodDelete, lockouts + "?user=no+name", broken{}, 400, "user: no name here", ""},
		{"answers of no user name", http.MethodDelete, cache + "?user=no+name", broken{}, 400, "user: no name here", ""},
		{"no lockouts", http.MethodDelete, lockouts, new(acts), 200, `{"cleared":2}`, "no lockouts of /"},
		{"no lockouts of a user", http.MethodDelete, lockouts + "?user=bob", new(acts), 200, `{"cleared":2}`, "no lockouts of /bob"},
		{"of a network", http.MethodDelete, lockouts + "?network=192.0.2.7/24", new(acts), 200, `{"cleared":3}`, "networks in 192.0.2.0/24"},
		{"of a client", http.MethodDelete, lockouts + "?network=2001:db8::7", new(acts), 200, `{"cleared":3}`, "networks in 2001:db8::/64"},
		{"of a client, IPv4 written as IPv6", http.MethodDelete, lockouts + "?network=::ffff:192.0.2.7", new(acts), 200, `{"cleared":3}`, "networks in 192.0.2.7/32"},
		{"of no network", http.MethodDelete, lockouts + "?network=here", new(acts), 400, "network: neither an address nor a range of addresses, as 192.0.2.7 and 192.0.2.0/24 are", ""},
		{"of a network that is empty", http.MethodDelete, lockouts + "?network=", new(acts), 400, "network: neither an address nor a range of addresses, as 192.0.2.7 and 192.0.2.0/24 are", ""},
		{"of IPv4 ranges written as IPv6", http.MethodDelete, lockouts + "?network=::ffff:192.0.2.0/120", new(acts), 400, "network: neither an address nor a range of addresses, as 192.0.2.7 and 192.0.2.0/24 are", ""},
		{"of a network and a user", http.MethodDelete, lockouts + "?network=192.0.2.7&user=bob", new(acts), 400, `there is no parameter "user" here, only network`, ""},
		{"of a network and a realm", http.MethodDelete, lockouts + "?network=192.0.2.7&realm=corp", new(acts), 400, `there is no parameter "realm" here, only network`, ""},
		{"of a network without a record", http.MethodDelete, lockouts + "?network=192.0.2.7", broken{}, 500, "this could not be recorded in the audit log, and was not done: no space", ""},
		{"answers of a network", http.MethodDelete, cache + "?network=192.0.2.7", new(acts), 400, `there is no parameter "network" here, only realm, user`, ""},
		{"lockouts without a record", http.MethodDelete, lockouts, broken{}, 500, "this could not be recorded in the audit log, and was not done: no space", ""},
		{"lockouts are not made", http.MethodPost, lockouts, new(acts), 405, "this path answers to GET, DELETE alone", ""},
		{"all", http.MethodDelete, cache, new(acts), 200, `{"forgotten":1}`, "answers of /"},
		{"a realm", http.MethodDelete, cache + "?realm=corp", new(acts), 200, `{"forgotten":1}`, "answers of corp/"},
		{"a user", http.MethodDelete, cache + "?realm=corp&user=CORP%5Calice", new(acts), 200, `{"forgotten":1}`, `answers of corp/CORP\alice`},
		{"no such realm", http.MethodDelete, cache + "?realm=lab", new(acts), 404, "the process that serves has no realm lab: if the realm is new, send it SIGHUP, so that it reads its configuration again", ""},
		{"a parameter that there is not", http.MethodDelete, cache + "?users=alice", new(acts), 400, `there is no parameter "users" here, only realm, user`, ""},
		{"twice", http.MethodDelete, cache + "?user=alice&user=bob", new(acts), 400, "the parameter user is given more than once", ""},
		{"no record", http.MethodDelete, cache, broken{}, 500, "this could not be recorded in the audit log, and was not done: no space", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var guards forgetful
			a := server.Admin{Realms: map[string]server.Keys{"corp": &token.Ring{}}, Guards: &guards, Auditor: tt.auditor, Logger: slog.New(slog.DiscardHandler)}
			s := httptest.NewServer(a.Handler())
			defer s.Close()
			status, text := ask(t, tt.method, s.URL+tt.path)
			if status != tt.status || text != tt.text {
				t.Errorf("%d %s", status, text)
			}
			if got := append(guards.of, "")[0]; got != tt.asked {
				t.Errorf("asks %q, want %q", got, tt.asked)
			}
		})
	}
}
