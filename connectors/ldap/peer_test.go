package ldap_test

import (
	"cmp"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
	"go.uber.org/goleak"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// The parts of LDAP that the scripted servers speak (RFC 4511 §4).
const (
	opBindRequest      = 0
	opBindResponse     = 1
	opSearchRequest    = 3
	opSearchEntry      = 4
	opSearchDone       = 5
	opSearchReference  = 19
	opExtendedResponse = 24

	serviceDN       = "cn=service,dc=example"
	servicePassword = "service-secret-canary"
	userPassword    = "user-secret-canary"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record is an entry of a scripted directory.
type record struct {
	dn         string
	attributes map[string][]string
}

// alice is the person that scripted directories know.
func alice() record {
	return person("uid=alice,ou=people,dc=example", "alice")
}

func person(dn string, uid ...string) record {
	return record{dn, map[string][]string{"uid": uid, "entryUUID": {"11111111-2222-3333-4444-555555555555"}}}
}

// script answers requests. Where a function is missing, everything succeeds with
// alice as the only person and no groups.
type script struct {
	bind   func(dn, password string) (code int, words string)
	answer func(dn string) []*ber.Packet // the controls of the answer to a bind
	search func(base, filter string) (found []record, code int)
	asks   func(attributes []string)
	words  string // the words of the answer to a search
	refers string // the base whose searches come with a reference to another server
	to     string // where that leads; to elsewhere.example if empty
}

// listen accepts connections on loopback until the test ends, and hands each to
// serve, which need not close it.
func listen(t *testing.T, serve func(c net.Conn)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, serve)
	return "ldap://" + l.Addr().String()
}

func serveOn(t *testing.T, l net.Listener, serve func(c net.Conn)) {
	t.Helper()
	var (
		mu    sync.Mutex
		conns []net.Conn
		group sync.WaitGroup
	)
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			group.Go(func() { serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		group.Wait()
	})
}

// serve speaks LDAP on c as the script says.
func (s script) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	for {
		request, err := ber.ReadPacket(c)
		if err != nil || len(request.Children) < 2 {
			return
		}
		id, op := request.Children[0].Value.(int64), request.Children[1]
		switch op.Tag {
		case opBindRequest:
			code, words := 0, ""
			if s.bind != nil {
				code, words = s.bind(op.Children[1].Data.String(), op.Children[2].Data.String())
			}
			answer := message(id, result(opBindResponse, code, words))
			if s.answer != nil {
				answer.AppendChild(controls(s.answer(op.Children[1].Data.String())...))
			}
			write(c, answer)
		case opSearchRequest:
			s.answerSearch(c, id, op)
		default:
			return
		}
	}
}

func (s script) answerSearch(c net.Conn, id int64, op *ber.Packet) {
	found, code := []record{alice()}, 0
	filter, err := goldap.DecompileFilter(op.Children[6])
	if err != nil {
		panic(err)
	}
	if s.asks != nil {
		var names []string
		for _, a := range op.Children[7].Children {
			names = append(names, a.Data.String())
		}
		s.asks(names)
	}
	if s.search != nil {
		found, code = s.search(op.Children[0].Data.String(), filter)
	} else if strings.Contains(filter, "groupOfNames") {
		found = nil
	}
	if s.refers == op.Children[0].Data.String() {
		write(c, message(id, reference(cmp.Or(s.to, "ldap://elsewhere.example/dc=example"))))
	}
	var all []byte // at once, since there may be thousands
	for _, r := range found {
		all = append(all, message(id, r.encode()).Bytes()...)
	}
	_, _ = c.Write(append(all, message(id, result(opSearchDone, code, s.words)).Bytes()...))
}

func write(c net.Conn, p *ber.Packet) { _, _ = c.Write(p.Bytes()) }

func message(id int64, op *ber.Packet) *ber.Packet {
	p := ber.NewSequence("message")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, "id"))
	p.AppendChild(op)
	return p
}

func result(tag, code int, words string) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ber.Tag(tag), nil, "result")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, "code"))
	p.AppendChild(octets(""))
	p.AppendChild(octets(words))
	return p
}

// controls is what follows the operation in a message (RFC 4511 §4.1.11).
func controls(list ...*ber.Packet) *ber.Packet {
	p := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "controls")
	for _, c := range list {
		p.AppendChild(c)
	}
	return p
}

// control is one of them; without a value where that is nil.
func control(oid string, value []byte) *ber.Packet {
	p := ber.NewSequence("control")
	p.AppendChild(octets(oid))
	if value != nil {
		p.AppendChild(octets(string(value)))
	}
	return p
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func (r record) encode() *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, opSearchEntry, nil, "entry")
	p.AppendChild(octets(r.dn))
	all := ber.NewSequence("attributes")
	for _, name := range slices.Sorted(maps.Keys(r.attributes)) {
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "values")
		for _, v := range r.attributes[name] {
			set.AppendChild(octets(v))
		}
		one := ber.NewSequence("attribute")
		one.AppendChild(octets(name))
		one.AppendChild(set)
		all.AppendChild(one)
	}
	p.AppendChild(all)
	return p
}

// url is the setting of one address.
func url(address string) connectors.OneOrMany { return connectors.OneOrMany{address} }

// config is a valid configuration for the directory at url.
func config(address string) *ldap.Config {
	c := ldap.DefaultConfig()
	c.URL = url(address)
	c.BindDN = serviceDN
	c.BindPassword = secret(servicePassword)
	c.Users.BaseDN = "ou=people,dc=example"
	return c
}

// open returns a directory that is closed when the test ends.
func open(t *testing.T, c *ldap.Config) *ldap.Directory {
	t.Helper()
	d, err := ldap.New(c, deps())
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

// login locates the name and verifies the password.
func login(t *testing.T, d *ldap.Directory, name, password string) (connectors.Identity, error) {
	t.Helper()
	a, err := d.Locate(t.Context(), name)
	if err != nil {
		return connectors.Identity{}, err
	}
	return d.Verify(t.Context(), a, secret(password))
}

// writeFile returns a new file with the content.
func writeFile(t *testing.T, content string) connectors.Path {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return connectors.Path(name)
}

func deps() connectors.Deps { return connectors.Deps{Realm: "corp", Name: "directory"} }

func secret(s string) connectors.Secret { return connectors.NewSecret(s) }
