package ldap_test

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/shorepass/shorepass/connectors/ldap"
)

// pager is a scripted directory that knows alice, and sends groups in pages: next
// says what the page is that a cookie leads to.
type pager struct {
	next func(cookie string) page

	mu          sync.Mutex
	connections int      // that were asked for groups
	cookies     []string // as they came
}

// page is an answer to a search.
type page struct {
	groups  []record
	times   int           // that each group is sent; once if zero
	cookie  string        // that the client sends for the next one
	control *ber.Packet   // instead of one with the cookie
	code    int           // of the result
	delay   time.Duration // before it is sent
	hangUp  bool          // instead of a result
}

func (p *pager) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	for asked := false; ; {
		request, err := ber.ReadPacket(c)
		if err != nil {
			return
		}
		id, op := request.Children[0].Value.(int64), request.Children[1]
		switch {
		case op.Tag == opBindRequest:
			write(c, message(id, result(opBindResponse, 0, "")))
		case op.Children[0].Data.String() != "ou=groups,dc=example":
			write(c, message(id, alice().encode()))
			write(c, message(id, result(opSearchDone, 0, "")))
		default:
			if p.answer(c, id, cookieOf(request), !asked) {
				return
			}
			asked = true
		}
	}
}

// answer sends a page, and reports whether the connection ends with it.
func (p *pager) answer(c net.Conn, id int64, cookie string, isFirst bool) (ended bool) {
	p.mu.Lock()
	if isFirst {
		p.connections++
	}
	p.cookies = append(p.cookies, cookie)
	next := p.next(cookie)
	p.mu.Unlock()
	time.Sleep(next.delay)
	for _, g := range next.groups {
		_, _ = c.Write(bytes.Repeat(message(id, g.encode()).Bytes(), max(1, next.times)))
	}
	if next.hangUp {
		return true
	}
	done := message(id, result(opSearchDone, next.code, ""))
	control := next.control
	if control == nil {
		control = (&goldap.ControlPaging{Cookie: []byte(next.cookie)}).Encode()
	}
	all := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "controls")
	all.AppendChild(control)
	done.AppendChild(all)
	write(c, done)
	return false
}

// cookieOf returns what the request's paging control carries, with its page size.
func cookieOf(request *ber.Packet) string {
	if len(request.Children) < 3 {
		return "no control"
	}
	control, err := goldap.DecodeControl(request.Children[2].Children[0])
	if err != nil {
		return err.Error()
	}
	paging := control.(*goldap.ControlPaging)
	return fmt.Sprintf("%d:%s", paging.PagingSize, paging.Cookie)
}

func numbered(from, to int) []record {
	var groups []record
	for i := from; i < to; i++ {
		groups = append(groups, group(fmt.Sprintf("g%05d", i)))
	}
	return groups
}

// signInAt signs alice in at a pager.
func signInAt(t *testing.T, p *pager) ([]string, error) {
	t.Helper()
	cfg := config(listen(t, p.serve))
	cfg.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=example"}
	id, err := login(t, open(t, cfg), "alice", userPassword)
	return id.Groups, err
}

func TestGroupsInPages(t *testing.T) {
	long := strings.Repeat("c", 3000)
	p := &pager{next: func(cookie string) page {
		switch cookie {
		case "500:":
			return page{groups: numbered(0, 500), cookie: "a"}
		case "500:a":
			return page{cookie: long} // an empty page is not the last
		case "500:" + long:
			return page{groups: numbered(500, 700), cookie: "c"}
		}
		return page{groups: numbered(700, 1234)} // more than was asked for
	}}
	groups, err := signInAt(t, p)
	if err != nil || len(groups) != 1234 || groups[0] != "g00000" || groups[1233] != "g01233" {
		t.Fatalf("%d groups, %v, want 1234", len(groups), err)
	}
	if want := []string{"500:", "500:a", "500:" + long, "500:c"}; !slices.Equal(p.cookies, want) {
		t.Errorf("cookies %.40q, want %.40q", p.cookies, want)
	}
	if p.connections != 1 {
		t.Errorf("the pages were asked for on %d connections, want one", p.connections)
	}
}

// TestPagesThatCannotBeReadWhole holds that no part of the groups is ever taken for all
// of them.
func TestPagesThatCannotBeReadWhole(t *testing.T) {
	naked := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "control")
	naked.AppendChild(octets(goldap.ControlTypePaging))
	afterOne := func(then page) func(string) page {
		return func(cookie string) page {
			if cookie == "500:" {
				return page{groups: numbered(0, 500), cookie: "a"}
			}
			return then
		}
	}
	always := func(p page) func(string) page { return func(string) page { return p } }
	for name, c := range map[string]struct {
		next  func(string) page
		pages int // that are asked for at most
		want  string
	}{
		"empty pages for ever":           {always(page{cookie: "same"}), 100, "reading the groups: the directory's reply is out of bounds: more than 100 pages for one search"},
		"small pages for ever":           {always(page{groups: numbered(0, 1), cookie: "same"}), 100, "more than 100 pages for one search"},
		"full pages for ever":            {always(page{groups: numbered(0, 500), cookie: "same"}), 11, "the user is in more than 5000 groups"},
		"all in one page, twice":         {always(page{groups: numbered(0, 3000), cookie: "same"}), 2, "the user is in more than 5000 groups"},
		"a cookie like a chest":          {always(page{cookie: strings.Repeat("c", 5000)}), 1, "the directory's reply is out of bounds: controls of 50"},
		"a limit on the second page":     {afterOne(page{code: 4}), 2, "result code 4 (size limit exceeded): the directory's limits for the service account are too low, or an index is missing"},
		"paging forbidden":               {always(page{code: 11}), 1, `result code 11 (admin limit exceeded): the directory's limits for the service account are too low, or an index is missing; in slapd.conf: limits dn.exact="BIND_DN" size.prtotal=unlimited`},
		"unwilling on the second page":   {afterOne(page{code: 53}), 2, "result code 53 (unwilling to perform)"},
		"a control without a value":      {afterOne(page{control: naked}), 4, "reading the groups: "},
		"a second page that never comes": {afterOne(page{delay: 3 * time.Second}), 2, "reading the groups: the directory did not answer in time"},
		"slow pages":                     {always(page{cookie: "same", delay: 300 * time.Millisecond}), 8, "reading the groups: the directory did not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &pager{next: c.next}
			start := time.Now()
			groups, err := signInAt(t, p)
			wantOutage(t, err, c.want)
			if groups != nil {
				t.Errorf("%d groups beside the error", len(groups))
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.cookies) > c.pages {
				t.Errorf("%d pages were asked for, want %d at most", len(p.cookies), c.pages)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestPagesStartAgain breaks a kept connection between two pages: a cookie is worth
// nothing on another, so that all pages are read again.
func TestPagesStartAgain(t *testing.T) {
	broken := false
	p := &pager{}
	p.next = func(cookie string) page {
		if cookie == "500:" {
			return page{groups: numbered(0, 500), cookie: "a"}
		}
		if !broken {
			broken = true
			return page{groups: numbered(500, 600), hangUp: true}
		}
		return page{groups: numbered(500, 1000)}
	}
	groups, err := signInAt(t, p)
	if err != nil || len(groups) != 1000 {
		t.Errorf("%d groups, %v, want 1000", len(groups), err)
	}
	if want := []string{"500:", "500:a", "500:", "500:a"}; !slices.Equal(p.cookies, want) || p.connections != 2 {
		t.Errorf("cookies %q on %d connections, want %q on 2", p.cookies, p.connections, want)
	}
}

// TestPagesAreBounded sends pages that no directory sends, and watches the memory: all
// pages have one budget.
func TestPagesAreBounded(t *testing.T) {
	wide, crowded := group(strings.Repeat("w", 100_000)), group("c")
	for i := range 8000 {
		crowded.attributes["cn"] = append(crowded.attributes["cn"], fmt.Sprint(i))
	}
	for name, c := range map[string]struct {
		page page
		want string
	}{
		"wide entries":    {page{groups: []record{wide}, times: 10, cookie: "same"}, "more than 4194304 bytes for one operation"},
		"crowded entries": {page{groups: []record{crowded}, cookie: "same"}, "more than 8192 elements in large messages for one operation"},
		"a crowd of controls": {page{control: func() *ber.Packet {
			p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "control")
			for range 2030 {
				p.AppendChild(octets(""))
			}
			return p
		}()}, "reading the groups: "},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			_, err := signInAt(t, &pager{next: func(string) page { return c.page }})
			grown := heap() - before
			wantOutage(t, err, c.want)
			t.Logf("%d MiB were allocated, the script's part among them", grown>>20)
			if grown > 256<<20 {
				t.Errorf("%d MiB were allocated", grown>>20)
			}
		})
	}
}
