package ldap_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/freeport"
)

// wait is the deadline that tests give to directories that hang: the connector's
// own would do, but not in parallel with the rest of the world.
const wait = 300 * time.Millisecond

// misbehave answers the first request of every connection by writing reply, then
// does nothing, or hangs up.
func misbehave(reply []byte, hangUp bool) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := ber.ReadPacket(c); err != nil {
			return
		}
		_, _ = c.Write(reply)
		if hangUp {
			_ = c.Close()
		}
	}
}

// drip answers one byte at a time, too slowly.
func drip(c net.Conn) {
	if _, err := ber.ReadPacket(c); err != nil {
		return
	}
	for _, b := range message(1, result(opBindResponse, 0, "")).Bytes() {
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(wait)
	}
}

// TestMisbehavingDirectories holds that whatever a directory does instead of
// answering is an outage, in time.
func TestMisbehavingDirectories(t *testing.T) {
	good := message(1, result(opBindResponse, 0, "")).Bytes()
	hang := func(net.Conn) {}
	for name, c := range map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"hangs after accepting": {hang, "signing in as the service account: context deadline exceeded"},
		"hangs in the middle":   {misbehave(good[:5], false), "context deadline exceeded"},
		"one byte at a time":    {drip, "context deadline exceeded"},
		"another's answer":      {misbehave(message(77, result(opBindResponse, 0, "")).Bytes(), false), "context deadline exceeded"},
		"hangs up":              {func(c net.Conn) { _ = c.Close() }, "signing in as the service account: "},
		"hangs up when asked":   {misbehave(nil, true), "signing in as the service account: "},
		"hangs up in between":   {misbehave(good[:5], true), "the connection is lost: EOF"},
		"BER bomb":              {misbehave(nested(10_000), true), "the directory's reply is out of bounds: elements nested deeper than 32 levels"},
		"10 MB":                 {misbehave([]byte{0x30, 0x84, 0x00, 0x98, 0x96, 0x80}, false), "the directory's reply is out of bounds: an element of more than 1048576 bytes"},
		"indefinite length":     {misbehave([]byte{0x30, 0x80, 0x02, 0x01, 0x01}, false), "the directory's reply is out of bounds: an element of indefinite length"},
		"HTTP":                  {misbehave([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), true), "the directory's reply is out of bounds: a message begins with byte 0x48: this is not LDAP"},
		"no result":             {misbehave([]byte{0x30, 0x05, 0x02, 0x01, 0x01, 0x61, 0x00}, true), "signing in as the service account: "},
		"a result of text":      {misbehave(message(1, octets("ok")).Bytes(), true), "signing in as the service account: "},
		"a disconnect notice":   {misbehave(message(0, result(opExtendedResponse, 52, "bye")).Bytes(), true), "signing in as the service account: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			if strings.Contains(c.want, "deadline") { // the others answer, when the machine has time for it
				short, cancel := context.WithTimeout(ctx, 3*wait)
				defer cancel()
				ctx = short
			}
			d := open(t, config(listen(t, c.serve)))
			_, err := d.Locate(ctx, "alice")
			wantOutage(t, err, c.want)
			// A caller's deadline says nothing, and what is too large may be one person's.
			wantMark(t, err, !strings.Contains(c.want, "deadline") && !strings.Contains(c.want, "out of bounds"))
		})
	}
}

// TestOwnDeadline holds that a directory which hangs is given up without a deadline
// of the caller's, and that nobody waits behind it for long.
func TestOwnDeadline(t *testing.T) {
	t.Parallel()
	var hang atomic.Bool
	url := listen(t, script{
		bind: func(string, string) (int, string) { return 0, "" },
		search: func(string, string) ([]record, int) {
			for hang.Load() {
				time.Sleep(10 * time.Millisecond)
			}
			return []record{alice()}, 0
		},
	}.serve)
	d := open(t, config(url))
	t.Cleanup(func() { hang.Store(false) })
	if _, err := d.Locate(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	hang.Store(true)
	start := time.Now()
	errs := make(chan error)
	const callers = 400 // one after the other, they would take minutes
	for range callers {
		go func() {
			_, err := d.Locate(t.Context(), "alice")
			errs <- err
		}()
	}
	for range callers {
		wantOutage(t, <-errs, "the directory did not answer in time")
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("%d callers were answered after %v, want 4s or so", callers, took)
	}
	hang.Store(false)
	if _, err := d.Locate(t.Context(), "alice"); err != nil {
		t.Errorf("after the directory came back: %v", err)
	}
}

// TestHangingBind holds that a password which is not checked in time is not a wrong
// one.
func TestHangingBind(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	d := open(t, config(listen(t, script{bind: func(dn, _ string) (int, string) {
		if dn != serviceDN {
			<-release
		}
		return 0, ""
	}}.serve)))
	defer close(release)
	a, err := d.Locate(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err = d.Verify(t.Context(), a, secret(userPassword))
	wantOutage(t, err, "checking the password: the directory did not answer in time")
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %v to give up, want 3s at most", took)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 1)
	d := open(t, config(listen(t, func(c net.Conn) {
		_, _ = ber.ReadPacket(c)
		asked <- struct{}{}
	})))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := d.Locate(ctx, "alice")
	wantOutage(t, err, "context canceled") // our own deadlines say something else
}

// TestBombAfterSignIn sends its bombs where searches are answered, and watches the
// memory.
func TestBombAfterSignIn(t *testing.T) {
	tiny := []byte{0x30, 0x83, 0x0f, 0xff, 0xf0, 0x02, 0x01, 0x02, 0x64, 0x83, 0x0f, 0xff, 0xe8} // a message of 1 MiB, in empty elements
	tiny = append(tiny, []byte(strings.Repeat("\x05\x00", 0x7fff4))...)
	endless := message(2, alice().encode()).Bytes()
	for name, c := range map[string]struct {
		reply []byte
		times int
		want  string
	}{
		"nesting":               {nested(10_000), 1, "nested deeper than 32 levels"},
		"tiny elements":         {tiny, 1, "more than 8192 elements in large messages for one operation"},
		"100,000 entries":       {endless, 100_000, ""},
		"endless references":    {message(2, reference("ldap://elsewhere.example/dc=example")).Bytes(), 100_000, "more than 65536 elements for one operation"},
		"a message of 1.5 MiB":  {[]byte{0x30, 0x83, 0x18, 0, 0}, 1, "an element of more than 1048576 bytes"},
		"controls like a chest": {[]byte{0x30, 0x83, 0x0f, 0xff, 0xf0, 0x02, 0x01, 0x02, 0x65, 0x00, 0xa0, 0x83, 0x0f, 0xff, 0x00}, 1, "at most 4096 are taken"},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, config(listen(t, signedIn(c.reply, c.times))))
			before := heap()
			start := time.Now()
			_, err := d.Locate(t.Context(), "alice")
			grown := heap() - before
			if c.want != "" {
				wantOutage(t, err, c.want)
			} else if err == nil {
				t.Error("the login went on")
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if grown > 64<<20 {
				t.Errorf("%d MiB were allocated", grown>>20)
			}
		})
	}
}

// signedIn takes the service account's bind and answers the search by reply, over
// and over.
func signedIn(reply []byte, times int) func(net.Conn) {
	const atOnce = 100 // a write for each would take longer than the connector waits
	if times >= atOnce {
		reply, times = bytes.Repeat(reply, atOnce), times/atOnce
	}
	return func(c net.Conn) {
		_, _ = ber.ReadPacket(c)
		write(c, message(1, result(opBindResponse, 0, "")))
		if _, err := ber.ReadPacket(c); err != nil {
			return
		}
		for range times {
			if _, err := c.Write(reply); err != nil {
				return
			}
		}
	}
}

func reference(to string) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, opSearchReference, nil, "reference")
	p.AppendChild(octets(to))
	return p
}

// heap returns how much has been allocated so far, freed or not.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestNothingListens(t *testing.T) {
	addr := fmt.Sprint("127.0.0.1:", freeport.For(t))
	d := open(t, config("ldap://"+addr))
	_, err := d.Locate(t.Context(), "alice")
	wantOutage(t, err, "cannot connect to "+addr+": nothing listens there; check that the directory is up, and the port in url: dial tcp ")
	_, err = d.Resolve(t.Context(), "1")
	wantOutage(t, err, "nothing listens there")
}

func TestUnknownHost(t *testing.T) {
	t.Parallel()
	cfg := config("ldaps://directory.invalid")
	_, err := open(t, cfg).Locate(t.Context(), "alice")
	wantOutage(t, err, "cannot connect to directory.invalid:636: ")
}

func TestClosed(t *testing.T) {
	d, err := ldap.New(config(listen(t, script{}.serve)), deps())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Locate(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = d.Locate(t.Context(), "alice")
	wantOutage(t, err, "the connector is closed")
	if err := d.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}
