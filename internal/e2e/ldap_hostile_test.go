package e2e_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// hostile is a directory that signs everybody in and answers the search for the user
// or, with groups, the one for groups by a chunk of bytes, over and over.
type hostile struct {
	groups bool
	reply  func(id int64) []byte
	status int // what clients are answered with
}

// listen serves on loopback until the test ends, and returns the URL.
func (h hostile) listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var (
		mu   sync.Mutex
		made = map[int64][]byte{} // replies, which take longer to make than to send
	)
	replies := func(id int64) []byte {
		mu.Lock()
		defer mu.Unlock()
		if made[id] == nil {
			made[id] = h.reply(id)
		}
		return made[id]
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go h.serve(c, replies)
		}
	}()
	return "ldap://" + l.Addr().String()
}

func (h hostile) serve(c net.Conn, replies func(int64) []byte) {
	defer func() { _ = c.Close() }()
	for {
		request, err := ber.ReadPacket(c)
		if err != nil || len(request.Children) < 2 {
			return
		}
		id, op := request.Children[0].Value.(int64), request.Children[1]
		isGroups := op.Tag == goldap.ApplicationSearchRequest && op.Children[0].Data.String() == slapd.Groups
		switch {
		case op.Tag == goldap.ApplicationBindRequest:
			_, err = c.Write(envelope(id, done(goldap.ApplicationBindResponse)))
		case isGroups != h.groups:
			_, err = c.Write(append(envelope(id, found("uid=alice,"+slapd.People, "uid", "alice")), envelope(id, done(goldap.ApplicationSearchResultDone))...))
		default:
			chunk := replies(id)
			_ = c.SetWriteDeadline(time.Now().Add(10 * time.Second))
			for sent := 0; err == nil && sent < 64<<20; sent += len(chunk) {
				_, err = c.Write(chunk)
			}
		}
		if err != nil {
			return
		}
	}
}

// envelope is a message with an operation, and with controls if there are any.
func envelope(id int64, op *ber.Packet, controls ...*ber.Packet) []byte {
	p := ber.NewSequence("message")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, "id"))
	p.AppendChild(op)
	if len(controls) > 0 {
		all := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "controls")
		for _, c := range controls {
			all.AppendChild(c)
		}
		p.AppendChild(all)
	}
	return p.Bytes()
}

func done(tag int) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ber.Tag(tag), nil, "result")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, 0, "code"))
	p.AppendChild(octets(""))
	p.AppendChild(octets(""))
	return p
}

// found is an entry with the values of an attribute, and an id.
func found(dn, attribute string, values ...string) *ber.Packet {
	all := ber.NewSequence("attributes")
	for name, values := range map[string][]string{attribute: values, "entryUUID": {"11111111-2222-3333-4444-555555555555"}} {
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "values")
		for _, v := range values {
			set.AppendChild(octets(v))
		}
		one := ber.NewSequence("attribute")
		one.AppendChild(octets(name))
		one.AppendChild(set)
		all.AppendChild(one)
	}
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationSearchResultEntry, nil, "entry")
	p.AppendChild(octets(dn))
	p.AppendChild(all)
	return p
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

// nestedBER is depth sequences, one in the other.
func nestedBER(depth int) []byte {
	var b []byte
	for range depth {
		n := len(b)
		b = append([]byte{0x30, 0x84, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, b...)
	}
	return b
}

// TestHostileDirectory holds that a directory which sends what none should costs a
// login, in time, and little memory, though sixteen logins meet it at once.
func TestHostileDirectory(t *testing.T) {
	repeated := func(count int, op *ber.Packet) func(int64) []byte {
		return func(id int64) []byte { return bytes.Repeat(envelope(id, op), count) }
	}
	var names []string
	for i := range 8000 {
		names = append(names, strconv.Itoa(i))
	}
	page := func(entries int, cookie string) func(int64) []byte {
		return func(id int64) []byte {
			all := bytes.Repeat(envelope(id, found("cn=g,"+slapd.Groups, "cn", "g")), entries)
			return append(all, envelope(id, done(goldap.ApplicationSearchResultDone), (&goldap.ControlPaging{Cookie: []byte(cookie)}).Encode())...)
		}
	}
	nest := nestedBER(11_000)
	const outage, refused = http.StatusServiceUnavailable, http.StatusUnauthorized
	for name, h := range map[string]hostile{
		"a nest of 65 KB":              {false, func(int64) []byte { return nest }, outage},
		"a nest of 65 KB, for groups":  {true, func(int64) []byte { return nest }, outage},
		"entries without end":          {false, repeated(1000, found("uid=alice,"+slapd.People, "uid", "alice")), refused},
		"groups without end":           {true, repeated(1000, found("cn=g,"+slapd.Groups, "cn", "g")), outage},
		"wide groups":                  {true, repeated(100, found("cn=g,"+slapd.Groups, "cn", strings.Repeat("w", 10_000))), outage},
		"groups of many names":         {true, repeated(1, found("cn=g,"+slapd.Groups, "cn", names...)), outage},
		"a cookie like a chest":        {true, page(1, strings.Repeat("c", 60_000)), outage},
		"a page of 100,000 groups":     {true, page(100_000, "c"), outage},
		"pages with nothing but words": {true, page(0, strings.Repeat("c", 3000)), outage},
	} {
		t.Run(name, func(t *testing.T) {
			b := stack.StartBroker(t, program, ldapBroker(&slapd.Server{URL: h.listen(t)}, ""), nil)
			before := peakMemory(t, b)
			var all sync.WaitGroup
			for range 16 {
				all.Go(func() {
					a, err := b.Ask(t.Context(), "alice", "alice-password", service)
					if err != nil || a.Status != h.status || a.Took > 5*time.Second {
						t.Errorf("status %d after %v, %v: %s", a.Status, a.Took, err, a.Body)
					}
				})
			}
			all.Wait()
			grown := peakMemory(t, b) - before
			t.Logf("memory grew by %d MiB; the log says: %s", grown>>10, lastLine(b.Output.String()))
			if grown > 512<<10 {
				t.Errorf("memory grew by %d MiB", grown>>10)
			}
		})
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// peakMemory is the most memory that the broker has had so far, in KiB.
func peakMemory(t *testing.T, b *stack.Broker) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.PID()))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib
}
