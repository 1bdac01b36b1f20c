package broker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

// owned is a connector of tokens that always says the same.
type owned struct {
	id  connectors.Identity
	err error
}

func (owned) Handles(c connectors.Credentials) bool { return c.Password.Issued() }

func (o owned) Authenticate(context.Context, connectors.Credentials) (connectors.Identity, error) {
	return o.id, o.err
}

// TestTokensAreRecorded holds that the audit log says which token was used and whose it is,
// be it refused, and that the client of a refused one learns nothing but that it is.
func TestTokensAreRecorded(t *testing.T) {
	alice := connectors.Identity{
		Connector: "local", Via: "tokens", ID: "alice", Username: "alice", Groups: []string{"platform"},
		Ceiling: connectors.Limited("repository:platform/**:pull"), Token: "0123456789ab",
	}
	nameless := alice
	nameless.Username = ""
	refused := func(r connectors.Reason, known *connectors.Identity) error {
		return &connectors.Rejection{Reason: r, Known: known}
	}
	for name, tt := range map[string]struct {
		member                        owned
		subject, owner, connector, id string
	}{
		"used":                   {owned{id: alice}, "local:alice", "", "local", alice.Token},
		"expired":                {owned{err: refused(connectors.ReasonTokenExpired, &alice)}, "", "local:alice", "local", alice.Token},
		"revoked, owner unknown": {owned{err: refused(connectors.ReasonTokenRevoked, &nameless)}, "", "", "local", alice.Token},
		"from elsewhere":         {owned{err: refused(connectors.ReasonTokenNetwork, &alice)}, "", "local:alice", "local", alice.Token},
		"owner gone":             {owned{err: refused(connectors.ReasonOwnerGone, &alice)}, "", "local:alice", "local", alice.Token},
		"owner unseen":           {owned{err: refused(connectors.ReasonOwnerUnseen, &alice)}, "", "local:alice", "local", alice.Token},
		"bad":                    {owned{err: connectors.Reject(connectors.ReasonBadToken)}, "", "", "tokens", ""},
		"outage":                 {owned{err: errors.New("the disk is full")}, "", "", "tokens", ""},
		"outage, owner known":    {owned{err: &connectors.Outage{Known: &alice, Err: errors.New("the directory is down")}}, "", "local:alice", "local", alice.Token},
	} {
		t.Run(name, func(t *testing.T) {
			f := brokertest.New(t, "", brokertest.Realm{
				Name: "corp", Services: []string{"registry.corp"}, Policy: corpRules,
				More: []connectors.Member{{Name: "tokens", Connector: tt.member, Tokens: true}},
			})
			_, err := f.Broker.Token(t.Context(), broker.Request{Service: "registry.corp", Credentials: login("ci", "srp_secret")})
			e := f.Last(t)
			if e.Subject != tt.subject || e.Owner != tt.owner || e.Connector != tt.connector || e.Via != "tokens" || e.Token != tt.id || e.Username != "ci" {
				t.Errorf("the audit log has %+v", e)
			}
			if signedIn := err == nil; signedIn != (e.Kind == "person") {
				t.Errorf("error %v, kind %q", err, e.Kind)
			}
			if errors.Is(err, broker.Unauthenticated) && !strings.Contains(broker.AsError(err).Message, "the access token that was sent is not valid here") {
				t.Errorf("the client is told %v", err)
			}
		})
	}
}

// TestNoTokenIsRecorded holds that no more than the public id of a token is recorded,
// wherever in a request it was put.
func TestNoTokenIsRecorded(t *testing.T) {
	text := pat.NewText()
	whole := text.Secret().Reveal()
	small := strings.ToLower(whole)
	f := fixture(t)
	for _, r := range []broker.Request{
		{Service: "registry.corp", Scopes: []string{"repository:public/" + small + ":pull", "repository:" + small + ":pull,push"}},
		{Service: "registry.corp", Scopes: []string{"repository:platform/" + small + ":pull"}, Credentials: login("alice", "alice-pw")},
		{Service: "registry.corp", Scopes: []string{"repository:" + whole + ":pull", whole}, Credentials: login("alice", "alice-pw")},
		{Service: "registry.corp", Credentials: login(whole, "x"), UserAgent: whole, Account: whole},
		{Service: "registry.corp", Credentials: login(whole[1:], "x"), UserAgent: whole[1:], Account: whole[1:]},
		{Service: "registry.corp", Credentials: login(whole[4:], "x"), UserAgent: whole[4:], Account: whole[4:]},
		{Service: whole},
		{Realm: whole[4:]},
	} {
		_, _ = f.Broker.Token(t.Context(), r)
		line := fmt.Sprintf("%+v", f.Last(t))
		if strings.Contains(strings.ToLower(line), small[16:30]) {
			t.Errorf("recorded: %s", line)
		}
		if !strings.Contains(strings.ToLower(line), small[4:16]) {
			t.Errorf("without the public id: %s", line)
		}
	}
}

// TestTokensEndTogether holds that what a registry is shown does not outlive the access
// token that it was given for.
func TestTokensEndTogether(t *testing.T) {
	for name, tt := range map[string]struct {
		left time.Duration
		want time.Duration // at most
	}{
		"long":        {time.Hour, 15 * time.Minute},
		"two minutes": {2 * time.Minute, 2 * time.Minute},
		"a moment":    {200 * time.Millisecond, time.Second},
		"no end":      {0, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			alice := connectors.Identity{Connector: "local", Via: "tokens", ID: "alice", Username: "alice", Groups: []string{"platform"}, Ceiling: connectors.Limited("repository:**:*"), Token: "0123456789ab"}
			if tt.left > 0 {
				alice.Until = time.Now().Add(tt.left)
			}
			f := brokertest.New(t, "", brokertest.Realm{
				Name: "corp", Services: []string{"registry.corp"}, Policy: corpRules,
				More: []connectors.Member{{Name: "tokens", Connector: owned{id: alice}, Tokens: true}},
			})
			response, err := f.Broker.Token(t.Context(), broker.Request{Service: "registry.corp", Scopes: []string{"repository:platform/app:pull,push"}, Credentials: login("ci", "srp_secret")})
			if err != nil {
				t.Fatal(err)
			}
			if response.ExpiresIn > tt.want || response.ExpiresIn < tt.want-5*time.Second || response.ExpiresIn < time.Second {
				t.Errorf("valid for %v, want %v", response.ExpiresIn, tt.want)
			}
		})
	}
}
