package ldap

import (
	"context"
	"log/slog"
	"net"
	"slices"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors"
)

// ScanBER feeds chunks to a scanner and returns how many elements began in them.
func ScanBER(chunks ...[]byte) (elements int, err error) {
	var s berScanner
	for _, c := range chunks {
		n, _, err := s.feed(c)
		elements += n
		if err != nil {
			return elements, err
		}
	}
	return elements, nil
}

// NewLimitedConn returns a connection with the bounds of a directory's replies, and
// the function that begins a new operation.
func NewLimitedConn(inner net.Conn) (c net.Conn, begin func()) {
	limited := newLimitedConn(inner)
	return limited, limited.begin
}

// Pool is a pool of connections that dial opens.
type Pool struct{ pool *pool }

// NewPool returns a pool over connections without TLS.
func NewPool(dial func() net.Conn) Pool {
	return Pool{newPool(newServers([]*dialer{{}}, nil, nil), poolSize, func(context.Context, *server) (*session, error) {
		c := dial()
		return newSession(c, c), nil
	})}
}

// NewPeoplesPool is NewPool for binds with people's passwords.
func NewPeoplesPool(dial func() net.Conn) Pool {
	p := NewPool(dial)
	p.pool.run = func(ctx context.Context, s *session, op func(*ldap.Conn) error) error {
		return s.server.bind(ctx, s, op, anonymously)
	}
	return p
}

// Bind runs one bind on a connection of the pool.
func (p Pool) Bind(ctx context.Context) error {
	return p.pool.do(ctx, func(c *ldap.Conn) error { return c.Bind("cn=x", "x") })
}

// Close closes the pool.
func (p Pool) Close() { p.pool.close() }

// ServiceAccount is the account that searches, on a server of its own.
type ServiceAccount struct {
	account *account
	server  *server
}

// NewServiceAccount returns the account of a configuration. It panics where the client
// certificate cannot be read.
func NewServiceAccount(c *Config, logger *slog.Logger) ServiceAccount {
	client, err := c.ClientCertificate.load(logger)
	if err != nil {
		panic(err)
	}
	return ServiceAccount{&account{config: c, client: client, logger: logger}, newServers([]*dialer{{}}, nil, nil).list[0]}
}

// SignIn binds on a connection, which it closes.
func (a ServiceAccount) SignIn(ctx context.Context, c net.Conn) error {
	s := newSession(c, c)
	defer s.close()
	return a.account.signIn(ctx, s, a.server)
}

// Refusal is what logins are answered with meanwhile.
func (a ServiceAccount) Refusal() error { return a.account.refusal() }

// Servers are the servers of one directory.
type Servers struct{ servers *servers }

// NewServers returns so many servers, all of which pass every look in the background.
func NewServers(n int, logger *slog.Logger) Servers {
	dialers := make([]*dialer, n)
	for i := range dialers {
		dialers[i] = &dialer{}
	}
	s := newServers(dialers, nil, logger)
	s.works = func(context.Context, *server) error { return nil }
	return Servers{s}
}

// Ask runs attempt with one server after the other until one was no fault of the
// server's.
func (s Servers) Ask(ctx context.Context, attempt func(ctx context.Context, n int) error) error {
	return s.servers.ask(ctx, func(ctx context.Context, to *server) error {
		return attempt(ctx, slices.Index(s.servers.list, to))
	})
}

// First returns the server that new work goes to.
func (s Servers) First() int { return slices.Index(s.servers.list, s.servers.first()) }

// Close ends the looks in the background.
func (s Servers) Close() { s.servers.close() }

// ErrNoAnswer is the cause of an operation that was given up.
var ErrNoAnswer = errNoAnswer

// PolicyRefusal decodes one control of a bind's answer and says why it refuses the
// account.
func PolicyRefusal(control []byte) (connectors.Reason, error) {
	packet, err := ber.DecodePacketErr(control)
	if err != nil {
		return "", err
	}
	decoded, err := ldap.DecodeControl(packet)
	if err != nil {
		return "", err
	}
	return policyRefusal([]ldap.Control{decoded}, true), nil
}

// ParseGUID and FormatGUID are each other's inverse.
var (
	ParseGUID  = parseGUID
	FormatGUID = formatGUID
)

// PrimaryGroup is the security identifier, in words, that an account's own and its
// primaryGroupID make.
func PrimaryGroup(sid, last string) (string, error) {
	group, err := sibling(sid, last)
	if err != nil {
		return "", err
	}
	return formatSID(group), nil
}

// ParseRange reads an option of an attribute.
var ParseRange = parseRange
