package ldap

import (
	"context"
	"net"

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
	return Pool{newPool(newServers([]*dialer{{}}, nil), func(context.Context, *server) (*session, error) {
		c := dial()
		return newSession(c, c), nil
	})}
}

// Bind runs one bind on a connection of the pool.
func (p Pool) Bind(ctx context.Context) error {
	return p.pool.do(ctx, func(c *ldap.Conn) error { return c.Bind("cn=x", "x") })
}

// Close closes the pool.
func (p Pool) Close() { p.pool.close() }

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
