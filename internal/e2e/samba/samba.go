package samba

import (
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/shorepass/shorepass/internal/e2e/authority"
	"github.com/shorepass/shorepass/internal/e2e/netns"
	"github.com/shorepass/shorepass/internal/e2e/process"
)

// The domain.
const (
	Root     = "DC=corp,DC=example"
	Realm    = "corp.example"
	Name     = "CORP"                       // NetBIOS
	Admin    = "administrator@corp.example" // may do everything
	Password = "administrator-Passw0rd"     // of Admin
)

// Domain is an Active Directory with one or two domain controllers.
type Domain struct {
	CAFile      string // the authority of the controllers' certificates
	Controllers []*Controller

	dir   string
	space *netns.Namespace
}

// Controller is one domain controller.
type Controller struct {
	Host string // its address, which its certificate carries beside its name
	Name string // dc1.corp.example

	domain  *Domain
	dir     string
	log     *os.File
	process *process.Process // nil while stopped
}

// Start provisions a domain with the entries of an LDIF and starts its controllers, of
// which the second has joined it. In the LDIF, "password: TEXT" is a password, one that
// was set long ago for those whose DNs are in aged.
func Start(tb testing.TB, ldif string, controllers int, aged ...string) *Domain {
	tb.Helper()
	for _, program := range []string{"samba", "samba-tool", "ldbmodify"} {
		if _, err := exec.LookPath(program); err != nil {
			tb.Fatalf(`%s is missing: run "make peers", and the tests through "make e2e"`, program)
		}
	}
	d := &Domain{dir: tb.TempDir()}
	resolver := d.write(tb, "resolv.conf", "")
	d.space = netns.Start(tb, map[string]string{"/etc/resolv.conf": resolver})
	d.write(tb, "resolv.conf", "nameserver "+d.space.Address(1)+"\nsearch "+Realm+"\n") // dc1 is the name server
	ca := authority.New(tb, d.dir, time.Hour)
	d.CAFile = ca.File
	for i := range controllers {
		c := &Controller{Host: d.space.Address(i + 1), Name: fmt.Sprintf("dc%d.%s", i+1, Realm), domain: d}
		c.dir = filepath.Join(d.dir, fmt.Sprintf("dc%d", i+1))
		if i == 0 {
			d.provision(tb, c, ldif, aged)
		} else {
			d.join(tb, c)
		}
		cert, key := ca.IssueServer(tb, fmt.Sprintf("dc%d", i+1), []string{c.Host, c.Name}, time.Now().Add(time.Hour))
		c.configure(tb, ca.File, cert, key)
		d.Controllers = append(d.Controllers, c)
		tb.Cleanup(func() {
			c.Stop(tb)
			if tb.Failed() {
				tb.Logf("the end of the log of %s:\n%s", c.Name, c.tail(3000))
			}
		})
		c.Start(tb)
	}
	return d
}

// URL is the controller's LDAP over TLS.
func (c *Controller) URL() string { return "ldaps://" + c.Host }

func (d *Domain) write(tb testing.TB, name, content string) string {
	tb.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func (d *Domain) provision(tb testing.TB, c *Controller, ldif string, aged []string) {
	tb.Helper()
	d.space.Run(tb, "samba-tool", append([]string{
		"domain", "provision", "--targetdir=" + c.dir, "--realm=" + strings.ToUpper(Realm), "--domain=" + Name, "--server-role=dc",
		"--dns-backend=SAMBA_INTERNAL", "--adminpass=" + Password, "--host-name=dc1", "--host-ip=" + c.Host,
	}, c.options()...)...)
	c.passwordSettings(tb, "--complexity=off", "--min-pwd-age=0")
	sam := c.sam()
	d.load(tb, sam, withPasswords(ldif))
	for _, dn := range aged {
		const mayBeSet = "--controls=local_oid:1.3.6.1.4.1.7165.4.3.20:0" // Samba's, for the time of a password
		d.load(tb, sam, "dn: "+dn+"\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: 131000000000000000\n", mayBeSet)
	}
}

// sam is where a controller keeps its entries.
func (c *Controller) sam() string { return filepath.Join(c.dir, "private", "sam.ldb") }

// passwordSettings changes the password policy of the domain.
func (c *Controller) passwordSettings(tb testing.TB, settings ...string) {
	tb.Helper()
	c.domain.space.Run(tb, "samba-tool", append([]string{"domain", "passwordsettings", "set", "--configfile=" + filepath.Join(c.dir, "etc", "smb.conf"), "-H", c.sam()}, settings...)...)
}

// load adds and changes entries while no controller runs. The program says of a failure
// that it has modified some.
func (d *Domain) load(tb testing.TB, sam, ldif string, options ...string) {
	tb.Helper()
	said := d.space.Run(tb, "ldbmodify", append(options, "--nosync", "-H", sam, d.write(tb, "entries.ldif", ldif))...)
	if !strings.Contains(said, "records successfully") || strings.Contains(said, "failed") {
		tb.Fatalf("ldbmodify: %s", said)
	}
}

func (d *Domain) join(tb testing.TB, c *Controller) {
	tb.Helper()
	first := d.Controllers[0]
	d.space.Run(tb, "env", append([]string{
		"KRB5_CONFIG=" + filepath.Join(first.dir, "private", "krb5.conf"),
		"samba-tool", "domain", "join", Realm, "DC", "--targetdir=" + c.dir, "--server=" + first.Name, "-U", "administrator", "--password=" + Password,
		"--realm=" + strings.ToUpper(Realm), "--dns-backend=NONE", "--option=netbios name=dc2",
	}, c.options()...)...)
}

// options keep a controller to its address.
func (c *Controller) options() []string {
	return []string{"--option=bind interfaces only=yes", "--option=interfaces=" + c.Host}
}

var setting = regexp.MustCompile(`(?m)^\t(server services|log file|logging|panic action|lock directory|pid directory) = .*\n`)

// configure adds to what provisioning or joining has written what keeps the controller in
// its folder and has it serve no more than a directory.
func (c *Controller) configure(tb testing.TB, ca, cert, key string) {
	tb.Helper()
	path := filepath.Join(c.dir, "etc", "smb.conf")
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	global, _, _ := strings.Cut(setting.ReplaceAllString(string(content), ""), "\n[homes]")
	run := filepath.Join(c.dir, "run")
	global += fmt.Sprintf("\n\tserver services = ldap, cldap, kdc, drepl, rpc%s\n\tlock directory = %s\n\tpid directory = %[2]s\n\tncalrpc dir = %[2]s/ncalrpc\n"+
		"\tlogging = file\n\tlog file = %[2]s/log\n\ttls enabled = yes\n\ttls cafile = %s\n\ttls certfile = %s\n\ttls keyfile = %s\n",
		map[bool]string{true: ", dns"}[strings.HasPrefix(c.Name, "dc1.")], run, ca, cert, key)
	if err = os.MkdirAll(run, 0o755); err == nil {
		err = os.WriteFile(path, []byte(global), 0o600)
	}
	if err == nil {
		c.log, err = os.Create(filepath.Join(c.dir, "output"))
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Start starts the controller, again after Stop, and waits until it takes connections.
func (c *Controller) Start(tb testing.TB) {
	tb.Helper()
	c.process = c.domain.space.Process(tb, c.log, nil, "samba", "--foreground", "--no-process-group", "--debug-stdout", "--configfile="+filepath.Join(c.dir, "etc", "smb.conf"))
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(c.Host, "3269"), time.Second) // the last that it opens
		if err == nil {
			conn.Close()
			return
		}
		if c.process.Ended() || time.Now().After(deadline) {
			tb.Fatalf("%s does not come up: %v\n%s", c.Name, err, c.tail(4000))
		}
	}
}

// Stop ends the controller; nothing happens if it is stopped.
func (c *Controller) Stop(tb testing.TB) {
	tb.Helper()
	if c.process != nil {
		netns.Stop(tb, c.process, syscall.SIGTERM)
		c.process = nil
	}
}

// tail returns the end of what the controller has printed, at most so many bytes.
func (c *Controller) tail(most int) string {
	content, _ := os.ReadFile(c.log.Name())
	return string(content[max(0, len(content)-most):])
}

var password = regexp.MustCompile(`(?m)^password: (.*)$`)

// withPasswords writes passwords as Active Directory takes them (MS-ADTS
// §3.1.1.3.1.5.1): in quotes, as UTF-16, little end first.
func withPasswords(ldif string) string {
	return password.ReplaceAllStringFunc(ldif, func(line string) string {
		var raw []byte
		for _, unit := range utf16.Encode([]rune(`"` + strings.TrimPrefix(line, "password: ") + `"`)) {
			raw = append(raw, byte(unit), byte(unit>>8))
		}
		return "unicodePwd:: " + base64.StdEncoding.EncodeToString(raw)
	})
}

// Modify changes entries at the first controller, as LDIF.
func (d *Domain) Modify(tb testing.TB, ldif string) {
	tb.Helper()
	d.ask(tb, "ldapmodify", "-f", d.write(tb, "changes.ldif", ldif))
}

// Value reads an attribute of an entry from the first controller; empty where there is none.
func (d *Domain) Value(tb testing.TB, dn, attribute string) string {
	tb.Helper()
	_, value, _ := strings.Cut(d.ask(tb, "ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", dn, "-s", "base", "(objectClass=*)", attribute), "\n"+attribute+": ")
	value, _, _ = strings.Cut(value, "\n")
	return value
}

// ask runs one of OpenLDAP's programs, as Admin at the first controller.
func (d *Domain) ask(tb testing.TB, program string, args ...string) string {
	tb.Helper()
	return d.space.Run(tb, "env", append([]string{"LDAPTLS_CACERT=" + d.CAFile, program, "-x", "-H", d.Controllers[0].URL(), "-D", Admin, "-w", Password}, args...)...)
}

// LockAfter has the domain lock accounts after so many wrong passwords within half an hour,
// for as long; 0: never, as it is at first.
func (d *Domain) LockAfter(tb testing.TB, failures int) {
	tb.Helper()
	d.Controllers[0].passwordSettings(tb, fmt.Sprintf("--account-lockout-threshold=%d", failures), "--account-lockout-duration=30", "--reset-account-lockout-after=30")
}
