package webhook_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/shorepass/shorepass/connectors"
)

// writing answers everything with these bytes, and closes the connection.
func writing(t *testing.T, answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, answer)
		_ = conn.Close()
	}
}

// TestRepeatedPassword holds that an endpoint which repeats what it was asked gets it into no
// error, wherever in its answer that stands.
func TestRepeatedPassword(t *testing.T) {
	p := startPeer(t, inClear)
	c := p.configured(t)
	c.Locate, c.Resolve = false, false
	for _, answer := range []string{
		"PASSWORD\r\n\r\n",
		"HTTP/1.1 PASSWORD OK\r\n\r\n",
		"HTTP/1.1 500 PASSWORD\r\n\r\n",
		"HTTP/1.1 200 OK\r\nPASSWORD\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: PASSWORD\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: PASSWORD\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: PASSWORD\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: http://%zz/PASSWORD\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: //PASSWORD/\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nPASSWORD\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + `{"result":"identity","id":"7","username":"ａlice-password","groups":[]}`,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + `{"result":"PASSWORD"}`,
	} {
		p.breakWith(writing(t, strings.ReplaceAll(answer, "PASSWORD", "alice-password")))
		d := openIn(t, c, connectors.UnicodeUsernames)
		_, err := d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret("alice-password"))
		if !isOutage(err) {
			t.Errorf("%q: error %v", answer, err)
		}
	}
}

// TestOneRepeat holds that a question is sent twice at most, however many connections were
// kept: a wrong password counts each time.
func TestOneRepeat(t *testing.T) {
	p := startPeer(t, inClear)
	c := p.configured(t)
	c.Locate, c.Resolve = false, false
	d := open(t, c)
	verify := func() error {
		_, err := d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret("alice-password"))
		return err
	}
	// Eight at once, none of which is answered before all are there, keep eight connections.
	const kept = 8
	var together, done sync.WaitGroup
	together.Add(kept)
	var old sync.Map // the client's addresses
	p.breakWith(func(w http.ResponseWriter, r *http.Request) {
		old.Store(r.RemoteAddr, true)
		together.Done()
		together.Wait()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, alice)
	})
	for range kept {
		done.Go(func() {
			if err := verify(); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	var asked atomic.Int32
	p.breakWith(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if _, kept := old.Load(r.RemoteAddr); kept {
			writing(t, "")(w, r)
			return
		}
		if !r.Close {
			t.Error("the new connection is one to be kept: the next one that is new would be it")
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, alice)
	})
	if err := verify(); err != nil || asked.Load() != 2 {
		t.Errorf("where those that were kept are closed: error %v after %d times, want none after 2", err, asked.Load())
	}
	asked.Store(0)
	p.breakWith(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		writing(t, "")(w, r)
	})
	if err := verify(); !isOutage(err) || asked.Load() != 2 {
		t.Errorf("error %v after %d times, want an outage after 2", err, asked.Load())
	}
}

// TestNoRepeat holds that a question is not sent again that went over a new connection, nor one
// whose time is over.
func TestNoRepeat(t *testing.T) {
	p := startPeer(t, inClear)
	c := p.configured(t)
	c.Locate, c.Resolve = false, false
	verify := func(d connectors.Directory) {
		t.Helper()
		_, before := p.lastAsked()
		if _, err := d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret("alice-password")); !isOutage(err) {
			t.Errorf("error %v", err)
		}
		if _, after := p.lastAsked(); after != before+1 {
			t.Errorf("it was asked %d times", after-before)
		}
	}
	p.breakWith(writing(t, ""))
	verify(open(t, c))

	p.breakWith(nil)
	d := open(t, c)
	if _, err := d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret("alice-password")); err != nil {
		t.Fatal(err)
	}
	p.breakWith(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	verify(d)
}

// TestNoRepeatOfAnswers holds that what was answered in part, or not in time, is not asked
// again.
func TestNoRepeatOfAnswers(t *testing.T) {
	p := startPeer(t, inClear)
	c := p.configured(t)
	c.Locate, c.Resolve = false, false
	d := open(t, c)
	for _, answer := range []string{"nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"} {
		p.breakWith(nil)
		if _, err := d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret("alice-password")); err != nil {
			t.Fatal(err)
		}
		_, before := p.lastAsked()
		p.breakWith(writing(t, answer))
		if _, err := d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret("alice-password")); !isOutage(err) {
			t.Errorf("error %v", err)
		}
		if _, after := p.lastAsked(); after != before+1 {
			t.Errorf("%q: it was asked %d times", answer, after-before)
		}
	}
}
