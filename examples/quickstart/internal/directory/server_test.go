package directory_test

import (
	"net"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/examples/quickstart/internal/directory"
)

// start serves the tree of people and returns a connection to it.
func start(t *testing.T) *ldap.Conn {
	t.Helper()
	address := freeAddress(t)
	server, err := directory.Start(t.Context(), address, parse(t, people))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	conn, err := ldap.DialURL("ldap://" + address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func search(conn *ldap.Conn, base string, scope, limit int, filter string, attributes ...string) (*ldap.SearchResult, error) {
	return conn.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, limit, 0, false, filter, attributes, nil))
}

func TestBoundClientsSearch(t *testing.T) {
	conn := start(t)
	if err := conn.Bind(alice, "alice-password"); err != nil {
		t.Fatal(err)
	}
	result, err := search(conn, "dc=demo", ldap.ScopeWholeSubtree, 0, `(cn=Bob \28the\29 \2aBaker)`, "uid", "entryUUID")
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Entries) != 1 || result.Entries[0].DN != bob || result.Entries[0].GetAttributeValue("uid") != "bob" {
		t.Fatalf("got %v", result.Entries)
	}
	if id := result.Entries[0].GetAttributeValue("entryUUID"); len(id) != 36 {
		t.Errorf("entryUUID is %q", id)
	}
}

func TestResultCodes(t *testing.T) {
	conn := start(t)
	isCode := func(what string, err error, code uint16) {
		t.Helper()
		if !ldap.IsErrorWithCode(err, code) {
			t.Errorf("%s: got %v, want code %d", what, err, code)
		}
	}
	_, err := search(conn, "dc=demo", ldap.ScopeWholeSubtree, 0, "(uid=*)")
	isCode("search without a bind", err, ldap.LDAPResultInsufficientAccessRights)
	isCode("wrong password", conn.Bind(alice, "wrong"), ldap.LDAPResultInvalidCredentials)
	isCode("unknown DN", conn.Bind("uid=carol,dc=demo", "x"), ldap.LDAPResultInvalidCredentials)
	isCode("no password", conn.UnauthenticatedBind(alice), ldap.LDAPResultUnwillingToPerform)
	if err := conn.UnauthenticatedBind(""); err != nil {
		t.Errorf("anonymous bind: %v", err)
	}
	_, err = search(conn, "dc=demo", ldap.ScopeWholeSubtree, 0, "(uid=*)")
	isCode("search after an anonymous bind", err, ldap.LDAPResultInsufficientAccessRights)

	if err := conn.Bind(bob, "bob-password"); err != nil {
		t.Fatal(err)
	}
	_, err = search(conn, "dc=nowhere", ldap.ScopeBaseObject, 0, "(uid=*)")
	isCode("base that does not exist", err, ldap.LDAPResultNoSuchObject)
	result, err := search(conn, "dc=demo", ldap.ScopeWholeSubtree, 2, "(objectClass=inetOrgPerson)")
	isCode("more than the limit", err, ldap.LDAPResultSizeLimitExceeded)
	if result == nil || len(result.Entries) != 2 {
		t.Errorf("entries up to the limit: got %v", result)
	}
	isCode("write", conn.Del(ldap.NewDelRequest(bob, nil)), ldap.LDAPResultUnwillingToPerform)

	isCode("wrong password", conn.Bind(bob, "wrong"), ldap.LDAPResultInvalidCredentials)
	_, err = search(conn, "dc=demo", ldap.ScopeWholeSubtree, 0, "(uid=*)")
	isCode("search after a bind that failed", err, ldap.LDAPResultInsufficientAccessRights)
}

func TestRootDSEIsForAnybody(t *testing.T) {
	result, err := search(start(t), "", ldap.ScopeBaseObject, 0, "(objectClass=*)")
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Entries) != 1 || result.Entries[0].GetAttributeValue("namingContexts") != "dc=demo" {
		t.Errorf("got %v", result.Entries)
	}
}

func TestTypesOnly(t *testing.T) {
	conn := start(t)
	if err := conn.Bind(alice, "alice-password"); err != nil {
		t.Fatal(err)
	}
	result, err := conn.Search(ldap.NewSearchRequest(alice, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, true, "(uid=*)", []string{"uid"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if a := result.Entries[0].Attributes; len(a) != 1 || a[0].Name != "uid" || len(a[0].Values) != 0 {
		t.Errorf("got %v", a)
	}
}

func TestStartOnABusyPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = directory.Start(t.Context(), listener.Addr().String(), parse(t, people))
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
}
