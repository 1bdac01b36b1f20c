package ldap_test

import (
	"bytes"
	"net"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/shorepass/shorepass/connectors/ldap"
)

// nested returns a message of depth sequences, one in the other, in definite
// lengths of four octets.
func nested(depth int) []byte {
	var b []byte
	for range depth {
		n := len(b)
		b = append([]byte{0x30, 0x84, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, b...)
	}
	return b
}

func TestScanBER(t *testing.T) {
	entry := message(7, alice().encode()).Bytes()
	for name, c := range map[string]struct {
		input    []byte
		elements int
		fault    string // empty: none
	}{
		"nothing":                  {nil, 0, ""},
		"empty message":            {[]byte{0x30, 0}, 1, ""},
		"an entry":                 {entry, 13, ""},
		"two entries":              {append(bytes.Clone(entry), entry...), 26, ""},
		"half an entry":            {entry[:20], 4, ""},
		"32 levels":                {nested(32), 32, ""},
		"33 levels":                {nested(33), 33, "elements nested deeper than 32 levels"},
		"10,000 levels":            {nested(10_000), 33, "elements nested deeper than 32 levels"},
		"1 MiB":                    {[]byte{0x30, 0x83, 0x0f, 0xff, 0xfb}, 1, ""},
		"1 MiB and a byte":         {[]byte{0x30, 0x83, 0x0f, 0xff, 0xfc}, 1, "an element of 1048577 bytes, at most 1048576 are taken"},
		"10 MB":                    {[]byte{0x30, 0x84, 0x00, 0x98, 0x96, 0x80}, 0, "an element of more than 1048576 bytes"},
		"2^64-1 bytes":             {[]byte{0x30, 0x88, 255, 255, 255, 255, 255, 255, 255, 255}, 0, "an element of more than 1048576 bytes"},
		"zeros before the length":  {[]byte{0x30, 0x88, 0, 0, 0, 0, 0, 0, 0, 0}, 1, ""},
		"nine length octets":       {[]byte{0x30, 0x89}, 0, "a length of more than eight octets"},
		"indefinite":               {[]byte{0x30, 0x80, 0x02, 0x01, 0x01, 0, 0}, 0, "an element of indefinite length"},
		"longer than its parent":   {[]byte{0x30, 0x03, 0x04, 0x02}, 2, "an element is longer than the one that holds it"},
		"long tag":                 {[]byte{0x30, 0x08, 0x1f, 0x81, 0x81, 0x81, 0x81, 0x01, 0x00}, 2, ""},
		"longer tag":               {[]byte{0x30, 0x09, 0x1f, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81}, 1, "a tag of more than five octets"},
		"HTTP":                     {[]byte("HTTP/1.1 400 Bad Request"), 1, "a message begins with byte 0x48: this is not LDAP"},
		"TLS alert":                {[]byte{0x15, 0x03, 0x03}, 1, "a message begins with byte 0x15: this is not LDAP"},
		"controls":                 {[]byte{0x30, 0x82, 0x20, 0x00, 0x02, 0x01, 0x01, 0x65, 0x00, 0xa0, 0x82, 0x10, 0x00}, 4, ""},
		"long controls":            {[]byte{0x30, 0x82, 0x20, 0x00, 0x02, 0x01, 0x01, 0x65, 0x00, 0xa0, 0x82, 0x10, 0x01}, 4, "controls of 4097 bytes, at most 4096 are taken"},
		"many primitive elements":  {append([]byte{0x30, 0x82, 0x10, 0x00}, make([]byte, 4096)...), 2049, ""},
		"content like headers":     {append([]byte{0x30, 0x42, 0x04, 0x40}, bytes.Repeat([]byte{0x30, 0x80}, 32)...), 2, ""},
		"next message after depth": {append(nested(32), nested(33)...), 65, "elements nested deeper than 32 levels"},
	} {
		t.Run(name, func(t *testing.T) {
			for size := range 4 { // whole, then in pieces of one to three bytes
				elements, err := ldap.ScanBER(pieces(c.input, size)...)
				if elements != c.elements {
					t.Errorf("pieces of %d: %d elements, want %d", size, elements, c.elements)
				}
				if got := text(err); got != c.fault {
					t.Errorf("pieces of %d: error %q, want %q", size, got, c.fault)
				}
			}
		})
	}
}

// crowded returns a message of a sequence with count empty elements.
func crowded(count int) []byte {
	n := 2 * count
	b := []byte{0x30, 0x83, byte((n + 4) >> 16), byte((n + 4) >> 8), byte(n + 4), 0x30, 0x82, byte(n >> 8), byte(n)}
	return append(b, bytes.Repeat([]byte{0x05, 0x00}, count)...)
}

// pieces cuts b into pieces of size bytes; of all of them, where size is 0.
func pieces(b []byte, size int) [][]byte {
	var list [][]byte
	for size > 0 && len(b) > size {
		list = append(list, b[:size])
		b = b[size:]
	}
	return append(list, b)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestBudgetOfAnOperation(t *testing.T) {
	var small []byte // 8,000 elements in 16 KB
	for range 4000 {
		small = append(small, 0x30, 0x02, 0x05, 0x00)
	}
	large := append([]byte{0x30, 0x82, 0xff, 0xfc, 0x04, 0x82, 0xff, 0xf8}, make([]byte, 0xfff8)...) // 2 in 64 KiB
	for name, c := range map[string]struct {
		chunk []byte
		reads int // that pass
		fault string
	}{
		"a crowd":  {crowded(1<<10 + 62), 8, "more than 8192 elements in large messages for one operation"},
		"no crowd": {crowded(62), 1 << 10, "more than 65536 elements for one operation"},
		"elements": {small, 8, "more than 65536 elements for one operation"},
		"bytes":    {large, 64, "more than 4194304 bytes for one operation"},
	} {
		t.Run(name, func(t *testing.T) {
			stream := &chunkConn{chunk: c.chunk}
			conn, begin := ldap.NewLimitedConn(stream)
			buffer := make([]byte, len(c.chunk))
			for operation := range 2 {
				begin()
				for i := range c.reads {
					if _, err := conn.Read(buffer); err != nil {
						t.Fatalf("operation %d, read %d: %v", operation, i, err)
					}
				}
			}
			n, err := conn.Read(buffer)
			if n != 0 || err == nil || !strings.HasSuffix(err.Error(), c.fault) {
				t.Errorf("Read = %d, %v, want 0, %q", n, err, c.fault)
			}
			begin()
			if n, err := conn.Read(buffer); n != 0 || err == nil {
				t.Errorf("a later Read = %d, %v, want the connection to stay broken", n, err)
			}
		})
	}
}

// chunkConn reads as an endless repetition of a chunk.
type chunkConn struct {
	net.Conn
	chunk []byte
}

func (c *chunkConn) Read(p []byte) (int, error) { return copy(p, c.chunk), nil }

// FuzzScanBER holds that the scanner judges a stream alike however it is cut, and
// that what it lets pass decodes within the bounds.
func FuzzScanBER(f *testing.F) {
	f.Add(message(7, alice().encode()).Bytes(), 3)
	f.Add(message(1, result(opBindResponse, 49, "no")).Bytes(), 1)
	f.Add(nested(33), 7)
	f.Add([]byte{0x30, 0x84, 0x00, 0x98, 0x96, 0x80}, 2)
	f.Add([]byte{0x30, 0x80, 0x00, 0x00}, 1)
	f.Fuzz(func(t *testing.T, input []byte, size int) {
		size = max(1, size%64)
		elements, err := ldap.ScanBER(input)
		cut, cutErr := ldap.ScanBER(pieces(input, size)...)
		if elements != cut || text(err) != text(cutErr) {
			t.Fatalf("whole: %d, %v; in pieces of %d: %d, %v", elements, err, size, cut, cutErr)
		}
		if err != nil {
			return
		}
		for r := bytes.NewReader(input); ; {
			packet, err := ber.ReadPacket(r)
			if err != nil {
				return // the end, or what the decoder refuses for reasons of its own
			}
			if d := depth(packet); d > 32 {
				t.Fatalf("a message of %d levels passed", d)
			}
		}
	})
}

func depth(p *ber.Packet) int {
	if p.TagType != ber.TypeConstructed {
		return 0
	}
	deepest := 0
	for _, child := range p.Children {
		deepest = max(deepest, depth(child))
	}
	return deepest + 1
}
