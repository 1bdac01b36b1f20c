package dirsrv

import (
	"crypto/sha256"
	"encoding/base64"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/authority"
	"github.com/shorepass/shorepass/internal/e2e/netns"
	"github.com/shorepass/shorepass/internal/e2e/process"
)

// Who may do everything, and where the entries are.
const (
	Suffix   = "dc=example,dc=org"
	Admin    = "cn=Directory Manager"
	Password = "manager-password"
)

// template is the configuration that the package comes with.
const template = "/usr/share/dirsrv/data/template-dse.ldif"

// Server is a running server.
type Server struct {
	URL    string // ldap://ADDRESS, where StartTLS is offered too
	TLSURL string
	CAFile string // the authority of the server's certificate

	dir     string
	space   *netns.Namespace
	log     *os.File
	process *process.Process // nil while stopped
}

// backend is where the server keeps the entries, and what it enforces.
const backend = `
dn: cn=userRoot,cn=ldbm database,cn=plugins,cn=config
objectClass: extensibleObject
objectClass: nsBackendInstance
cn: userRoot
nsslapd-suffix: ` + Suffix + `

dn: cn="` + Suffix + `",cn=mapping tree,cn=config
objectClass: extensibleObject
objectClass: nsMappingTree
cn: ` + Suffix + `
nsslapd-state: backend
nsslapd-backend: userRoot
`

// Start starts a server with the entries of an LDIF. schema is one more file of
// attributes and object classes; settings are more lines of cn=config.
func Start(tb testing.TB, ldif, schema, settings string) *Server {
	tb.Helper()
	for _, program := range []string{"ns-slapd", "certutil", "pk12util", "openssl", "ldapadd"} {
		if _, err := exec.LookPath(program); err != nil {
			tb.Fatalf(`%s is missing: run "make peers", and the tests through "make e2e"`, program)
		}
	}
	s := &Server{dir: tb.TempDir(), space: netns.Start(tb, nil)}
	host := s.space.Address(1)
	s.URL, s.TLSURL = "ldap://"+host, "ldaps://"+host
	s.certificates(tb, host)
	s.configure(tb, settings)
	s.write(tb, "schema/99user.ldif", "dn: cn=schema\n"+schema)
	s.write(tb, "entries.ldif", strings.TrimSpace(backend)+"\n\n"+ldif)
	tb.Cleanup(func() {
		s.Stop(tb)
		if tb.Failed() {
			errors, _ := os.ReadFile(filepath.Join(s.dir, "errors"))
			tb.Logf("the end of the server's log:\n%s", errors[max(0, len(errors)-4000):])
		}
	})
	s.Start(tb)
	s.run(tb, "ldapadd", "-x", "-H", s.URL, "-D", Admin, "-w", Password, "-f", s.path("entries.ldif"))
	return s
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) write(tb testing.TB, name, content string) {
	tb.Helper()
	if err := os.WriteFile(s.path(name), []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func (s *Server) run(tb testing.TB, program string, args ...string) {
	tb.Helper()
	if out, err := exec.CommandContext(tb.Context(), program, args...).CombinedOutput(); err != nil {
		tb.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

// certificates makes the database of certificates that the server wants.
func (s *Server) certificates(tb testing.TB, host string) {
	tb.Helper()
	ca := authority.New(tb, s.dir, time.Hour)
	s.CAFile = ca.File
	cert, key := ca.IssueServer(tb, "server", []string{host}, time.Now().Add(time.Hour))
	s.run(tb, "certutil", "-N", "--empty-password", "-d", s.dir)
	s.run(tb, "certutil", "-A", "-d", s.dir, "-n", "authority", "-t", "CT,,", "-i", ca.File)
	s.run(tb, "openssl", "pkcs12", "-export", "-name", "Server-Cert", "-in", cert, "-inkey", key, "-passout", "pass:x", "-out", s.path("server.p12"))
	s.run(tb, "pk12util", "-d", s.dir, "-i", s.path("server.p12"), "-W", "x", "-K", "")
}

// configure writes the configuration, with everything in the server's folder.
func (s *Server) configure(tb testing.TB, settings string) {
	tb.Helper()
	if err := os.CopyFS(s.path("schema"), os.DirFS("/etc/dirsrv/schema")); err != nil {
		tb.Fatal(err)
	}
	content, err := os.ReadFile(template)
	if err != nil {
		tb.Fatal(err)
	}
	pairs := []string{
		"%fqdn%", "localhost", "%ds_port%", "389", "%ds_user%", "root", "%rootdn%", Admin,
		"%ldapi_enabled%", "off", "%ldapi_autobind%", "off", "%ldapi%", s.path("ldapi"), "%db_lib%", "bdb", "%ds_suffix%", Suffix, "%schema_dir%", s.path("schema"),
	}
	for _, folder := range []string{"lock", "tmp", "cert", "ldif", "bak", "run", "inst", "log", "config", "db", "db_home"} {
		pairs = append(pairs, "%"+folder+"_dir%", s.dir)
	}
	hash := sha256.Sum256([]byte(Password))
	pairs = append(pairs, "%ds_passwd%", "{SHA256}"+base64.StdEncoding.EncodeToString(hash[:]))
	const first = "objectclass:nsslapdConfig\n" // more of cn=config
	config := strings.Replace(strings.NewReplacer(pairs...).Replace(string(content)), first, first+"nsslapd-security: on\nnsslapd-secureport: 636\n"+settings, 1)
	s.write(tb, "dse.ldif", config)
	if s.log, err = os.Create(s.path("output")); err != nil {
		tb.Fatal(err)
	}
}

// Start starts the server, again after Stop, and waits until it takes connections.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	s.process = s.space.Process(tb, s.log, nil, "ns-slapd", "-D", s.dir, "-d", "0", "-i", s.path("pid"))
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(s.space.Address(1), "636"), time.Second)
		if err == nil {
			conn.Close()
			return
		}
		if s.process.Ended() || time.Now().After(deadline) {
			said, _ := os.ReadFile(s.path("output"))
			tb.Fatalf("389 Directory Server does not come up: %v\n%s", err, said)
		}
	}
}

// Stop ends the server; nothing happens if it is stopped.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if s.process != nil {
		netns.Stop(tb, s.process, syscall.SIGTERM)
		s.process = nil
	}
}

// Modify changes entries, as LDIF.
func (s *Server) Modify(tb testing.TB, ldif string) {
	tb.Helper()
	s.write(tb, "changes.ldif", ldif)
	s.run(tb, "ldapmodify", "-x", "-H", s.URL, "-D", Admin, "-w", Password, "-f", s.path("changes.ldif"))
}
