package broker_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/connectors"
)

// vouching is a connector that takes everybody for an identity, and notes whom it was
// asked about.
type vouching struct {
	identity connectors.Identity
	asked    *[]string
}

func (v vouching) Handles(connectors.Credentials) bool { return true }

func (v vouching) Authenticate(_ context.Context, c connectors.Credentials) (connectors.Identity, error) {
	*v.asked = append(*v.asked, c.Username)
	return v.identity, nil
}

func TestSignIn(t *testing.T) {
	machine := connectors.Identity{Connector: "last", Via: "last", Kind: connectors.Robot, ID: "1", Username: "machine", Ceiling: connectors.Unlimited()}
	job := machine
	job.Kind = connectors.Workload
	owned := machine
	owned.Kind, owned.Connector = connectors.Person, "local"
	bounded := machine
	bounded.Kind, bounded.Ceiling = connectors.Person, connectors.Limited("repository:**:*")
	fault := &broker.Error{Kind: broker.Malformed, Reason: "bad-query", Message: "no"}
	tests := []struct {
		name        string
		realm       string
		credentials *connectors.Credentials
		fault       *broker.Error
		last        connectors.Identity // of the connector that is asked last
		wantKind    broker.Kind
		wantReason  string
		wantText    string
		wantName    string // as recorded
	}{
		{"wrong password", "corp", login("alice", "no"), nil, machine, broker.Unauthenticated, "wrong-password", "wrong user name or password, or the account may not sign in here", "alice"},
		{"disabled", "corp", login("carol", "carol-pw"), nil, machine, broker.Unauthenticated, "disabled", "wrong user name or password, or the account may not sign in here", "carol"},
		{"no password", "corp", login("alice", ""), nil, machine, broker.Unauthenticated, "empty-password", "wrong user name or password, or the account may not sign in here", "alice"},
		{"anonymous", "corp", nil, nil, machine, broker.Unauthenticated, "no-credentials", "send the user name and password of your account", ""},
		{"an access token", "corp", login("alice", "srp_x"), nil, machine, broker.Forbidden, "access-token", "an access token cannot be used here", "alice"},
		{"an identity token", "corp", login("", "srr_x"), nil, machine, broker.Forbidden, "access-token", "an access token cannot be used here", ""},
		{"a robot", "corp", login("xaver", "pw"), nil, machine, broker.Forbidden, "no-person", "this login is another's", "xaver"},
		{"a workload", "corp", login("xaver", "pw"), nil, job, broker.Forbidden, "no-person", "this login is another's", "xaver"},
		{"vouched for by another connector", "corp", login("xaver", "pw"), nil, owned, broker.Forbidden, "access-token", "an access token cannot be used here", "xaver"},
		{"with a ceiling", "corp", login("xaver", "pw"), nil, bounded, broker.Forbidden, "access-token", "an access token cannot be used here", "xaver"},
		{"no such realm", "evil", login("alice", "alice-pw"), nil, machine, broker.Malformed, "unknown-realm", "there is no such realm", "alice"},
		{"no realm", "", login("alice", "alice-pw"), nil, machine, broker.Malformed, "unknown-realm", "there is no such realm", "alice"},
		{"a fault", "corp", login("alice", "alice-pw"), fault, machine, broker.Malformed, "bad-query", "no", "alice"},
		{"a panic", "panics", login("xaver", "pw"), nil, machine, broker.Internal, "panic", "something went wrong on the server", "xaver"},
		{"a second factor", "factor", login("xaver", "pw"), nil, machine, broker.Unauthenticated, "interaction", "ask whoever runs this registry for an access token", "xaver"},
		{"an outage", "down", login("xaver", "pw"), nil, machine, broker.Unavailable, "outage", "your login cannot be checked at the moment", "xaver"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var asked []string
			last := vouching{tt.last, &asked}
			f := brokertest.New(t, "",
				brokertest.Realm{Name: "corp", Services: []string{"registry.corp"}, Policy: corpRules, More: []connectors.Member{{Name: "last", Connector: last}}},
				brokertest.Realm{Name: "panics", Services: []string{"registry.panics"}, Policy: corpRules, More: []connectors.Member{{Name: "last", Connector: faulty{func() error { panic("no") }}}}},
				brokertest.Realm{Name: "factor", Services: []string{"registry.factor"}, Policy: corpRules, More: []connectors.Member{{Name: "last", Connector: faulty{func() error { return connectors.Reject(connectors.ReasonInteraction) }}}}},
				brokertest.Realm{Name: "down", Services: []string{"registry.down"}, Policy: corpRules, More: []connectors.Member{{Name: "last", Connector: faulty{func() error { return errors.New("down") }}}}})
			id, err := f.Broker.SignIn(t.Context(), broker.Request{
				ID: "r1", Realm: tt.realm, Credentials: tt.credentials, ClientIP: netip.MustParseAddr("192.0.2.1"), UserAgent: "curl", Act: "create-token", Fault: tt.fault,
			})
			if !errors.Is(err, tt.wantKind) || !strings.Contains(broker.AsError(err).Message, tt.wantText) || id.ID != "" {
				t.Errorf("identity %+v, error %v; want %s that says %q", id, err, tt.wantKind, tt.wantText)
			}
			e := f.Last(t)
			if e.Act != "create-token" || e.Outcome != string(tt.wantKind) || e.Reason != tt.wantReason || e.RequestID != "r1" ||
				e.ClientIP != "192.0.2.1" || e.UserAgent != "curl" || e.Realm != tt.realm || e.Username != tt.wantName || len(f.Entries(t)) != 1 {
				t.Errorf("audit entry %+v", e)
			}
			if tt.credentials != nil && tt.credentials.Password.Issued() && len(asked) > 0 {
				t.Error("a connector was asked about a token of ours")
			}
		})
	}
}

// A person who signs in is recorded by what they do then.
func TestSignInFine(t *testing.T) {
	f := fixture(t)
	id, err := f.Broker.SignIn(t.Context(), broker.Request{Realm: "corp", Credentials: login("ALICE", "alice-pw"), Act: "list-tokens"})
	if err != nil || id.Username != "alice" || id.Connector != "local" {
		t.Errorf("identity %+v, %v", id, err)
	}
	if entries := f.Entries(t); len(entries) > 0 {
		t.Errorf("recorded %+v", entries)
	}
}

// What was refused, and could not be recorded, is an internal error like every other.
func TestSignInUnrecorded(t *testing.T) {
	f := brokertest.New(t, "/dev/full", brokertest.Realm{Name: "corp", Services: []string{"registry.corp"}, Policy: corpRules})
	_, err := f.Broker.SignIn(t.Context(), broker.Request{Realm: "corp", Credentials: login("alice", "no"), Act: "list-tokens"})
	if !errors.Is(err, broker.Internal) {
		t.Errorf("error %v", err)
	}
}
