package ldap

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
)

// The bounds of what a directory may answer, checked before anything is decoded: a
// decoder makes objects of some hundred bytes out of elements of two, and a
// recursion out of nesting.
const (
	maxMessage  = 1 << 20  // bytes of one LDAP message: 5,000 values of memberOf of 200 each
	maxDepth    = 32       // levels of nesting in one message
	maxControls = 4 << 10  // bytes of a message's controls, whose values are decoded apart
	maxReply    = 4 << 20  // bytes of all messages that answer one operation: 5,000 groups of 800 each
	maxElements = 64 << 10 // elements of all messages that answer one operation: 5,000 groups of 13 each
	maxCrowded  = 8 << 10  // of these, elements that are not among the first of their message: one entry of 5,000 values
	maxFirst    = 64       // how many of a message are the first
)

// errLimit is wrapped by the errors of replies that break a bound.
var errLimit = errors.New("the directory's reply is out of bounds")

// limitedConn is a connection whose incoming bytes, decrypted, are held to the
// bounds. One that was broken stays broken.
type limitedConn struct {
	net.Conn
	scan      berScanner // read by one goroutine at a time, as Read is
	bytes     atomic.Int64
	elements  atomic.Int64
	crowded   atomic.Int64
	violation atomic.Pointer[error]
	failure   atomic.Pointer[error]
	sent      atomic.Bool // something, in whole
}

func newLimitedConn(inner net.Conn) *limitedConn { return &limitedConn{Conn: inner} }

// Read reads from the connection, and hands on nothing of a chunk that breaks a
// bound.
func (c *limitedConn) Read(p []byte) (int, error) {
	if err := c.broken(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if limit := c.check(p[:n]); limit != nil {
		c.violation.Store(&limit)
		return 0, limit
	}
	if err != nil {
		c.failure.CompareAndSwap(nil, &err)
	}
	return n, err
}

// Write writes to the connection.
func (c *limitedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err == nil {
		c.sent.Store(true)
	}
	return n, err
}

// lost returns what reading failed with, which the library keeps to itself.
func (c *limitedConn) lost() error {
	if f := c.failure.Load(); f != nil {
		return *f
	}
	return nil
}

// begin starts the budget of the next operation.
func (c *limitedConn) begin() {
	c.bytes.Store(0)
	c.elements.Store(0)
	c.crowded.Store(0)
	c.sent.Store(false)
}

// broken returns the violation that ended the connection, if one did.
func (c *limitedConn) broken() error {
	if v := c.violation.Load(); v != nil {
		return *v
	}
	return nil
}

func (c *limitedConn) check(p []byte) error {
	if c.bytes.Add(int64(len(p))) > maxReply {
		return fmt.Errorf("%w: more than %d bytes for one operation", errLimit, maxReply)
	}
	elements, crowded, err := c.scan.feed(p)
	if err != nil {
		return fmt.Errorf("%w: %w", errLimit, err)
	}
	if c.elements.Add(int64(elements)) > maxElements {
		return fmt.Errorf("%w: more than %d elements for one operation", errLimit, maxElements)
	}
	if c.crowded.Add(int64(crowded)) > maxCrowded {
		return fmt.Errorf("%w: more than %d elements in large messages for one operation", errLimit, maxCrowded)
	}
	return nil
}

// berScanner follows the element headers of a stream of LDAP messages (BER as
// restricted by RFC 4511 §5.1: definite lengths only) without keeping contents.
type berScanner struct {
	open   [maxDepth]int // what is left of each open constructed element, outermost first
	depth  int           // how many are open
	began  int           // elements of the message so far
	skip   int           // content bytes of a primitive element still to come
	header berHeader
}

// berHeader is a header of which part has arrived.
type berHeader struct {
	state  headerState
	id     byte // first identifier octet
	size   int  // octets so far
	length int
	octets int // length octets still to come
}

type headerState int

const (
	atIdentifier headerState = iota
	inHighTag
	atLength
	inLength
)

// feed takes the next bytes of the stream and returns how many elements began in
// them, and how many of these are not among the first of their message.
func (s *berScanner) feed(p []byte) (elements, crowded int, err error) {
	for len(p) > 0 {
		if s.skip > 0 {
			n := min(s.skip, len(p))
			s.skip -= n
			p = p[n:]
			continue
		}
		complete, err := s.header.next(p[0])
		if err != nil {
			return elements, crowded, err
		}
		p = p[1:]
		if !complete {
			continue
		}
		if s.depth == 0 {
			s.began = 0
		}
		s.began++
		elements++
		if s.began > maxFirst {
			crowded++
		}
		if err := s.enter(s.header); err != nil {
			return elements, crowded, err
		}
		s.header = berHeader{}
	}
	return elements, crowded, nil
}

// enter opens or skips the element whose header is complete.
func (s *berScanner) enter(h berHeader) error {
	total := h.size + h.length
	const constructed, controls = 0x20, 0xa0
	switch {
	case h.length > maxMessage || s.depth == 0 && total > maxMessage:
		return fmt.Errorf("an element of %d bytes, at most %d are taken", total, maxMessage)
	case s.depth == 0 && h.id != 0x30:
		return fmt.Errorf("a message begins with byte %#02x: this is not LDAP", h.id)
	case s.depth > 0 && total > s.open[s.depth-1]:
		return errors.New("an element is longer than the one that holds it")
	case s.depth == 1 && h.id == controls && h.length > maxControls:
		return fmt.Errorf("controls of %d bytes, at most %d are taken", h.length, maxControls)
	}
	if s.depth > 0 {
		s.open[s.depth-1] -= total
	}
	if h.id&constructed == 0 {
		s.skip = h.length
	} else {
		if s.depth == maxDepth {
			return fmt.Errorf("elements nested deeper than %d levels", maxDepth)
		}
		s.open[s.depth] = h.length
		s.depth++
	}
	for s.depth > 0 && s.open[s.depth-1] == 0 {
		s.depth--
	}
	return nil
}

// next takes one octet of a header and reports whether it was the last.
func (h *berHeader) next(b byte) (complete bool, err error) {
	h.size++
	switch h.state {
	case atIdentifier:
		h.id = b
		h.state = atLength
		if b&0x1f == 0x1f {
			h.state = inHighTag
		}
	case inHighTag:
		if h.size > 6 {
			return false, errors.New("a tag of more than five octets")
		}
		if b&0x80 == 0 {
			h.state = atLength
		}
	case atLength:
		return h.firstLength(b)
	case inLength:
		h.length = h.length<<8 | int(b)
		if h.length > maxMessage {
			return false, fmt.Errorf("an element of more than %d bytes", maxMessage)
		}
		h.octets--
		return h.octets == 0, nil
	}
	return false, nil
}

// firstLength takes the first length octet.
func (h *berHeader) firstLength(b byte) (complete bool, err error) {
	switch {
	case b < 0x80:
		h.length = int(b)
		return true, nil
	case b == 0x80:
		return false, errors.New("an element of indefinite length")
	case b > 0x88:
		return false, errors.New("a length of more than eight octets")
	}
	h.octets = int(b & 0x7f)
	h.state = inLength
	return false, nil
}
