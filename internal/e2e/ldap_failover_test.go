package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// pair is two servers of one directory, the first preferred, and a connector to them.
type pair struct {
	first, second *slapd.Server
	directory     connectors.Directory
	connector     connectors.Connector // with its guards
	log           *stack.Buffer
}

// newPair starts the servers; access says who may read what, as in [slapd.Options].
func newPair(t *testing.T, access string, transport func(*slapd.Server) *ldap.Config) *pair {
	t.Helper()
	o := slapd.Options{Access: access}
	p := &pair{first: slapd.Start(t, o), second: slapd.Start(t, o), log: &stack.Buffer{}}
	cfg := transport(p.first)
	cfg.URL = append(cfg.URL, transport(p.second).URL...)
	if cfg.CAFile != "" {
		cfg.CAFile = authorities(t, p.first, p.second)
	}
	d, err := ldap.Open(cfg, connectors.Deps{Name: "directory", Logger: slog.New(slog.NewTextHandler(p.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	p.directory, p.connector = d, guard.Password(d, guard.Config{})
	t.Cleanup(func() { _ = p.connector.(io.Closer).Close() })
	return p
}

// authorities is one file of all the servers' authorities.
func authorities(t *testing.T, servers ...*slapd.Server) connectors.Path {
	t.Helper()
	var all []byte
	for _, s := range servers {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pem...)
	}
	path := filepath.Join(t.TempDir(), "authorities.pem")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return connectors.Path(path)
}

// wantLogin fails the test unless alice signs in, in time.
func (p *pair) wantLogin(t *testing.T, most time.Duration) {
	t.Helper()
	start := time.Now()
	mustSignIn(t, p.connector, "alice")
	if took := time.Since(start); took > most {
		t.Errorf("the login took %v, want %v at most", took, most)
	}
}

// binds counts the binds of people that a server has seen since the mark.
func binds(t *testing.T, s *slapd.Server, mark int) int {
	t.Helper()
	s.Settle(t)
	n := 0
	for _, e := range s.Events(mark) {
		if e.Kind == "BIND" && strings.HasSuffix(e.DN, slapd.People) {
			n++
		}
	}
	return n
}

// wantReturn waits until the first server is taken back, with no login that would need
// it; holds that the connections to the second are closed then; and that the next
// login goes to the first.
func (p *pair) wantReturn(t *testing.T) {
	t.Helper()
	await(t, "line in the log that the first server works again", func() bool {
		return strings.Count(p.log.String(), "the directory works again") == strings.Count(p.log.String(), "is put aside")
	})
	await(t, "end of the connections to the second server", func() bool { return established(t, p.second) == 0 })
	mark := len(p.first.Log())
	p.wantLogin(t, 4*time.Second)
	if binds(t, p.first, mark) == 0 {
		t.Error("the first server is back, and sees no login")
	}
}

// await fails the test unless something comes true within ten seconds.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for start := time.Now(); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("after ten seconds: no %s", what)
		}
	}
}

// established counts this process's open connections to servers.
func established(tb testing.TB, servers ...*slapd.Server) int {
	tb.Helper()
	ports := map[string]bool{}
	for _, s := range servers {
		for _, url := range []string{s.URL, s.TLSURL} {
			port, _ := strconv.Atoi(url[strings.LastIndex(url, ":")+1:])
			ports[fmt.Sprintf("%04X", port)] = true
		}
	}
	table, err := os.ReadFile("/proc/self/net/tcp") // of the whole machine
	if err != nil {
		tb.Fatal(err)
	}
	to := map[string]bool{} // the sockets, as links to file descriptors name them
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if _, port, _ := strings.Cut(fields[2], ":"); len(fields) > 9 && fields[3] == "01" && ports[port] {
			to["socket:["+fields[9]+"]"] = true
		}
	}
	descriptors, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		tb.Fatal(err)
	}
	n := 0
	for _, d := range descriptors {
		if link, err := os.Readlink(d); err == nil && to[link] {
			n++
		}
	}
	return n
}

// TestLDAPFailover stops and hangs the first of two servers: logins go to the second,
// only the first of them slowly, and return when it is back.
func TestLDAPFailover(t *testing.T) {
	faults := map[string]struct {
		fail, mend func(*slapd.Server, testing.TB)
		first      time.Duration // the most that the login takes which finds out
	}{
		"stopped": {(*slapd.Server).Stop, (*slapd.Server).Start, 4 * time.Second},
		"hung":    {(*slapd.Server).Pause, (*slapd.Server).Resume, 6 * time.Second},
	}
	ways := transports()
	ways["dn_template"] = templateConfig
	for name, fault := range faults {
		for over, transport := range ways {
			t.Run(name+" "+over, func(t *testing.T) {
				t.Parallel()
				access := ""
				if over == "dn_template" {
					access = selvesRead
				}
				p := newPair(t, access, transport)
				p.wantLogin(t, 4*time.Second)
				if n := binds(t, p.second, 0); n != 0 {
					t.Errorf("the second server saw %d binds while the first one worked", n)
				}
				fault.fail(p.first, t)
				await(t, "line in the log that the first server is put aside", func() bool {
					p.wantLogin(t, fault.first)
					return strings.Contains(p.log.String(), "is put aside") // a signal stops a process when it gets there
				})
				for range 10 {
					p.wantLogin(t, 1900*time.Millisecond) // finding out anew that it hangs takes two seconds
				}
				if _, err := signIn(t, p.connector, "alice", "wrong"); !errors.Is(err, connectors.ErrRejected) {
					t.Errorf("wrong password: %v", err)
				}
				if n := strings.Count(p.log.String(), "is put aside"); n != 1 {
					t.Errorf("the log says %d times that a server is put aside, want once:\n%s", n, p.log)
				}
				fault.mend(p.first, t)
				p.wantReturn(t)
			})
		}
	}
}

// TestLDAPFailoverAtOnce starts with a first server that is down, and ends with none.
func TestLDAPFailoverAtOnce(t *testing.T) {
	p := newPair(t, "", ldapsConfig)
	p.first.Stop(t)
	p.wantLogin(t, 4*time.Second)
	p.second.Stop(t)
	_, err := signIn(t, p.connector, "alice", "alice-password")
	for _, s := range []*slapd.Server{p.first, p.second} {
		if address := strings.TrimPrefix(s.TLSURL, "ldaps://"); !isOutage(err) || !strings.Contains(err.Error(), address) {
			t.Errorf("error = %v, want an outage that tells of %s", err, address)
		}
	}
	p.second.Start(t)
	wantRecovery(t, p.connector)
}

// TestLDAPWrongPasswordStays holds that a wrong password is counted by one server
// alone.
func TestLDAPWrongPasswordStays(t *testing.T) {
	p := newPair(t, "", ldapConfig)
	for range 3 {
		if _, err := signIn(t, p.connector, "alice", "wrong"); !errors.Is(err, connectors.ErrRejected) {
			t.Errorf("wrong password: %v", err)
		}
	}
	if first, second := binds(t, p.first, 0), binds(t, p.second, 0); first != 3 || second != 0 {
		t.Errorf("%d and %d binds, want 3 and 0", first, second)
	}
}

// TestLDAPFailoverUnderLoad signs 200 people in at once, again and again: while all
// is well, while the first server goes, without it, while it is back, and while it
// hangs. The bound on
// connections is the connector's, however many servers it has.
func TestLDAPFailoverUnderLoad(t *testing.T) {
	p := newPair(t, "", ldapsConfig)
	var most atomic.Int64
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			most.Store(max(most.Load(), int64(established(t, p.first, p.second))))
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	load := func(what string) {
		var group sync.WaitGroup
		var failed atomic.Int64
		for i := range 200 {
			group.Go(func() {
				name := []string{"alice", "bob", "carol", "jane"}[i%4]
				if id, err := unguarded(t, p.directory, name, name+"-password"); err != nil || id.Username != name {
					failed.Add(1)
					t.Logf("%s: login of %s: %q, %v", what, name, id.Username, err)
				}
			})
		}
		group.Wait()
		if n := failed.Load(); n > 0 {
			t.Errorf("%s: %d of 200 logins failed", what, n)
		}
	}
	load("both work")
	var stop sync.WaitGroup
	stop.Go(func() { p.first.Stop(t) })
	load("the first is stopped")
	stop.Wait()
	load("the first is gone")
	p.first.Start(t)
	load("the first is back")
	p.wantReturn(t)
	p.first.Pause(t)
	load("the first hangs")
	p.first.Resume(t)
	p.wantReturn(t)
	close(done)
	watch.Wait()
	if n := most.Load(); n > ldapPools+1 || n < ldapPools/2 { // one looks whether the first is back
		t.Errorf("%d connections at once, want %d at most", n, ldapPools+1)
	}
	fmt.Fprintf(t.Output(), "at most %d connections at once\n", most.Load())
}

// TestFailoverServed has the program serve while the first of two servers hangs.
func TestFailoverServed(t *testing.T) {
	first, second := slapd.Start(t, slapd.Options{}), slapd.Start(t, slapd.Options{})
	lines := replace(t, directoryLines(first, "["+first.TLSURL+", "+second.TLSURL+"]"), first.CAFile, string(authorities(t, first, second)))
	old, with := uncached("        type: ldap\n")
	b := stack.StartBroker(t, program, replace(t, orgConfig(lines), old, with), nil)
	login := func() {
		t.Helper()
		a := b.Token(t, "alice", "alice-password", service, "repository:platform/app:pull")
		if a.Status != http.StatusOK || len(a.Claims(t).Access) != 1 {
			t.Errorf("status %d: %s", a.Status, a.Body)
		}
	}
	login()
	first.Pause(t)
	for range 3 {
		login()
	}
	for _, told := range []string{`msg="a server of the directory is put aside: the others are asked until it works again; see to it"`, `msg="a server of the directory works again"`} {
		address := " server=" + strings.TrimPrefix(first.TLSURL, "ldaps://")
		b.WaitFor(t, told, 10*time.Second, func() bool {
			login()
			return strings.Contains(b.Output.String(), told+" realm=org connector=directory"+address)
		})
		first.Resume(t)
	}
	login()
}
