package ldap

import "net"

// ScanBER feeds chunks to a scanner and returns how many elements began in them.
func ScanBER(chunks ...[]byte) (elements int, err error) {
	var s berScanner
	for _, c := range chunks {
		n, err := s.feed(c)
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
