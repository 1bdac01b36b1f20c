package slapd

import (
	"cmp"
	"context"
	_ "embed" // for the configuration and the tree
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/authority"
	"github.com/shorepass/shorepass/internal/e2e/process"
	"github.com/shorepass/shorepass/internal/freeport"
)

// The names that tree.ldif uses.
const (
	Suffix          = "dc=example,dc=org"
	People          = "ou=people," + Suffix
	Groups          = "ou=groups," + Suffix
	PosixGroups     = "ou=posix," + Suffix
	ServiceDN       = "cn=shorepass,ou=services," + Suffix
	ServicePassword = "service-password"
	AdminDN         = "cn=admin," + Suffix // may do everything
	AdminPassword   = "admin-password"
)

// policyLines are what of tree.ldif only the ppolicy overlay takes.
var policyLines = regexp.MustCompile(`(?m)^pwd.*\n|^dn: cn=default,(.+\n)+`)

//go:embed slapd.conf
var configTemplate string

//go:embed tree.ldif
var tree string

// Options vary a server.
type Options struct {
	Hosts  []string      // of the server certificate; 127.0.0.1 and localhost if empty
	Age    time.Duration // how long ago the server certificate expired; it is valid if zero
	NoTLS  bool          // neither LDAPS nor StartTLS
	Lax    bool          // without the ppolicy overlay, of which the server knows nothing then
	Access string        // who may read what; the service account everything, and nobody else anything, if empty
	Quiet  bool          // Log stays empty: what is printed costs time
	Config string        // lines for the global part of slapd.conf
	LDIF   string        // entries for the end of tree.ldif

	// MemberOf is the part of slapd.conf by which people's entries have memberOf. The
	// memberof overlay if empty.
	MemberOf string

	// For a server that people use, rather than a test.
	Plain, TLS string        // addresses; free ones if empty
	Valid      time.Duration // of the certificates; an hour if zero
	Output     io.Writer     // for what the server prints, in the place of Log
}

// Server is a running slapd.
type Server struct {
	URL    string // ldap://127.0.0.1:PORT, where StartTLS is offered too
	TLSURL string // ldaps://127.0.0.1:PORT
	CAFile string // the authority of the server certificate

	dir       string
	program   string
	authority *authority.Authority
	debug     string // what it prints, as its option -d has it
	log       log
	output    io.Writer        // the log, or what Options have in its place
	process   *process.Process // nil while stopped
}

// Start starts a server that ends with the test.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	s := &Server{dir: tb.TempDir(), program: find(tb, "slapd"), debug: "stats"}
	if o.Quiet {
		s.debug = "0"
	}
	s.log = newLog(tb, filepath.Join(s.dir, "slapd.log"))
	s.output = s.log.File // itself, or it would be a pipe
	if o.Output != nil {
		s.output = o.Output
	}
	s.URL = "ldap://" + addrOr(tb, o.Plain)
	if !o.NoTLS {
		s.TLSURL = "ldaps://" + addrOr(tb, o.TLS)
	}
	s.configure(tb, o)
	tb.Cleanup(func() {
		s.Stop(tb)
		if tb.Failed() {
			tb.Logf("the end of slapd's log:\n%s", s.log.tail(4000))
		}
	})
	s.Start(tb)
	people := tree
	if o.Lax {
		people = policyLines.ReplaceAllString(people, "")
	}
	s.Load(tb, people+"\n"+o.LDIF)
	return s
}

func (s *Server) configure(tb testing.TB, o Options) {
	tb.Helper()
	if err := os.Mkdir(filepath.Join(s.dir, "db"), 0o700); err != nil {
		tb.Fatal(err)
	}
	var tls string
	if !o.NoTLS {
		valid := cmp.Or(o.Valid, time.Hour)
		hosts, end := o.Hosts, time.Now().Add(valid)
		if len(hosts) == 0 {
			hosts = []string{"127.0.0.1", "localhost"}
		}
		if o.Age > 0 {
			end = time.Now().Add(-o.Age)
		}
		s.authority = authority.New(tb, s.dir, valid)
		s.CAFile = s.authority.File
		cert, key := s.authority.IssueServer(tb, "cert", hosts, end)
		tls = fmt.Sprintf("TLSCACertificateFile %s\nTLSCertificateFile %s\nTLSCertificateKeyFile %s\nTLSProtocolMin 3.3", s.CAFile, cert, key)
	}
	config := strings.NewReplacer("{{dir}}", s.dir, "{{tls}}", tls, "{{config}}", o.Config,
		"{{memberof}}", cmp.Or(o.MemberOf, "overlay memberof"),
		"{{access}}", cmp.Or(o.Access, "access to * by dn.exact="+ServiceDN+" read by * none")).Replace(configTemplate)
	if o.Lax {
		config = regexp.MustCompile(`(?m)^.*ppolicy.*$`).ReplaceAllString(config, "")
	}
	if err := os.WriteFile(filepath.Join(s.dir, "slapd.conf"), []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// Database is a part of slapd.conf, for Options: a database in the folder dir for the
// suffix, which the administrator may fill and cn=shorepass,ou=services below the
// suffix may read.
func Database(suffix, dir string) string {
	return fmt.Sprintf("\ndatabase mdb\nsuffix %s\nrootdn %s\ndirectory %s\nmaxsize 67108864\ndbnosync\n"+
		"access to attrs=userPassword by anonymous auth by * none\n"+
		"access to * by dn.exact=cn=shorepass,ou=services,%[1]s read by * none\n", suffix, AdminDN, dir)
}

// Configure adds lines to the database's part of slapd.conf, for the next Start.
func (s *Server) Configure(tb testing.TB, lines string) {
	tb.Helper()
	f, err := os.OpenFile(filepath.Join(s.dir, "slapd.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(lines + "\n")
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Start starts the server again after Stop, at the same addresses with the same
// entries, and waits until it answers.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	p, err := process.Start(s.output, nil, s.program, "-f", filepath.Join(s.dir, "slapd.conf"), "-h", strings.TrimSpace(s.URL+"/ "+s.TLSURL), "-d", s.debug)
	if err != nil {
		tb.Fatalf("slapd: %v", err)
	}
	s.process = p
	for deadline := time.Now().Add(30 * time.Second); !answers(tb.Context(), s.URL); time.Sleep(10 * time.Millisecond) {
		if p.Ended() || time.Now().After(deadline) {
			tb.Fatalf("slapd does not come up:\n%s", s.log.tail(4000))
		}
	}
}

// Done is closed when the server has ended; not before [Server.Start].
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// PID is the server's process id; not before [Server.Start], nor after [Server.Stop].
func (s *Server) PID() int { return s.process.PID() }

// Stop ends the server, as its operator would; nothing happens if it is stopped.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if s.process == nil {
		return
	}
	if err := s.process.Stop(syscall.SIGTERM, 5*time.Second); err != nil {
		tb.Error(err)
	}
	s.process = nil
}

// Pause makes the server hang: its sockets stay open, and nothing answers.
func (s *Server) Pause(tb testing.TB) {
	tb.Helper()
	if err := s.process.Pause(); err != nil {
		tb.Fatalf("slapd: %v", err)
	}
}

// Resume ends a Pause.
func (s *Server) Resume(tb testing.TB) {
	tb.Helper()
	if err := s.process.Signal(syscall.SIGCONT); err != nil {
		tb.Fatalf("slapd: %v", err)
	}
}

// Load adds entries, as LDIF. Attributes of the server's own, such as
// pwdAccountLockedTime, are taken too.
func (s *Server) Load(tb testing.TB, ldif string) {
	tb.Helper()
	s.admin(tb, "ldapadd", ldif)
}

// Modify changes entries, as LDIF with changetype.
func (s *Server) Modify(tb testing.TB, ldif string) {
	tb.Helper()
	s.admin(tb, "ldapmodify", ldif)
}

func (s *Server) admin(tb testing.TB, program, ldif string) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), find(tb, program), "-x", "-H", s.URL, "-D", AdminDN, "-w", AdminPassword, "-e", "!relax")
	cmd.Stdin = strings.NewReader(ldif)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// Values returns what an entry has of an attribute, one of the server's own such as
// pwdFailureTime too. It may be nothing.
func (s *Server) Values(tb testing.TB, dn, attribute string) []string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), find(tb, "ldapsearch"), "-x", "-LLL", "-o", "ldif_wrap=no", "-H", s.URL, "-D", AdminDN, "-w", AdminPassword, "-b", dn, "-s", "base", attribute)
	out, err := cmd.CombinedOutput()
	if err != nil {
		tb.Fatalf("ldapsearch: %v\n%s", err, out)
	}
	var values []string
	for line := range strings.Lines(string(out)) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), attribute+": "); found {
			values = append(values, value)
		}
	}
	return values
}

// find returns the path of a program, which Debian may keep where only
// administrators look.
func find(tb testing.TB, program string) string {
	tb.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	if path, err := exec.LookPath("/usr/sbin/" + program); err == nil {
		return path
	}
	tb.Fatalf("%s is missing: run \"make peers\"", program)
	return ""
}

// addrOr returns addr, or a free one.
func addrOr(tb testing.TB, addr string) string {
	tb.Helper()
	if addr != "" {
		return addr
	}
	return fmt.Sprint("127.0.0.1:", freeport.For(tb))
}

func answers(ctx context.Context, url string) bool {
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", strings.TrimPrefix(url, "ldap://"))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
