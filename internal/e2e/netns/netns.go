// Package netns gives a test server whose ports are fixed a network of its own: a
// namespace joined to this machine by a pair of virtual interfaces. It needs root. The
// namespace lasts as long as the processes in it, and none of these outlives the test.
package netns

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/process"
)

// Namespace is a network. Its processes have a view of the file system of their own, too.
type Namespace struct {
	holder *process.Process
	pid    string
	ours   netip.Addr // of this machine, the first of eight
}

// Start makes a namespace that ends with the test. In it, the files of over are seen in
// place of those that they name: {"/etc/resolv.conf": …}.
func Start(tb testing.TB, over map[string]string) *Namespace {
	tb.Helper()
	script := "set -e; echo mounting; "
	for place, file := range over {
		script += fmt.Sprintf("mount --bind '%s' '%s'; ", file, place)
	}
	r, w, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	holder, err := process.Start(w, nil, "unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", script+"echo ready; exec sleep infinity")
	w.Close()
	if err != nil {
		fail(tb, err, nil)
	}
	n := &Namespace{holder: holder, pid: fmt.Sprint(holder.PID())}
	tb.Cleanup(func() {
		if err := holder.Stop(os.Kill, 0); err != nil {
			tb.Error(err)
		}
	})
	said := make([]byte, 0, 256)
	for !strings.Contains(string(said), "ready") { // until it says so, or ends
		part := make([]byte, 256)
		got, err := r.Read(part)
		if said = append(said, part[:got]...); err != nil {
			fail(tb, err, said)
		}
	}
	n.connect(tb)
	return n
}

// connect joins the namespace to this machine.
func (n *Namespace) connect(tb testing.TB) {
	tb.Helper()
	here := "sp" + n.pid
	n.ours = free(tb, n.holder.PID())
	run(tb, "ip", "link", "add", here, "type", "veth", "peer", "name", "eth0", "netns", n.pid)
	run(tb, "ip", "addr", "add", n.ours.String()+"/29", "dev", here)
	run(tb, "ip", "link", "set", here, "up")
	run(tb, "nsenter", n.args("ip", "link", "set", "lo", "up")...)
	for i := 1; i <= addresses; i++ {
		run(tb, "nsenter", n.args("ip", "addr", "add", n.Address(i)+"/29", "dev", "eth0")...)
	}
	run(tb, "nsenter", n.args("ip", "link", "set", "eth0", "up")...)
}

// addresses are how many there are in a namespace.
const addresses = 2

// free returns the first address of a network of eight that this machine is not in.
func free(tb testing.TB, from int) netip.Addr {
	tb.Helper()
	taken := string(output(tb, "ip", "-o", "-4", "addr", "show"))
	for i := range 1 << 13 {
		n := (from + i) % (1 << 13) * 8
		addr := netip.AddrFrom4([4]byte{10, 213, byte(n >> 8), byte(n) + 1})
		if !strings.Contains(taken, " "+addr.String()+"/") {
			return addr
		}
	}
	tb.Fatal("every network below 10.213.0.0/16 is taken")
	return netip.Addr{}
}

// Address is one of the namespace's two addresses, 1 or 2.
func (n *Namespace) Address(i int) string {
	addr := n.ours
	for range i {
		addr = addr.Next()
	}
	return addr.String()
}

// Run runs a program in the namespace until it ends, and returns what it has printed. It
// fails the test where the program fails, which is the program's own affair.
func (n *Namespace) Run(tb testing.TB, program string, args ...string) string {
	tb.Helper()
	out, err := exec.CommandContext(tb.Context(), "nsenter", n.args(append([]string{program}, args...)...)...).CombinedOutput()
	if err != nil {
		tb.Fatalf("%s: %v\n%s", program, err, out) // its arguments may hold a password
	}
	return string(out)
}

// Process starts a program in the namespace.
func (n *Namespace) Process(tb testing.TB, out io.Writer, env []string, program string, args ...string) *process.Process {
	tb.Helper()
	p, err := process.Start(out, env, "nsenter", n.args(append([]string{program}, args...)...)...)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// Stop ends a process, as its operator would.
func Stop(tb testing.TB, p *process.Process, by os.Signal) {
	tb.Helper()
	if err := p.Stop(by, 10*time.Second); err != nil {
		tb.Error(err)
	}
}

func (n *Namespace) args(program ...string) []string {
	return append([]string{"--net=/proc/" + n.pid + "/ns/net", "--mount=/proc/" + n.pid + "/ns/mnt", "--"}, program...)
}

func run(tb testing.TB, program string, args ...string) {
	tb.Helper()
	output(tb, program, args...)
}

func output(tb testing.TB, program string, args ...string) []byte {
	tb.Helper()
	out, err := exec.CommandContext(tb.Context(), program, args...).CombinedOutput()
	if err != nil {
		fail(tb, fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err), out)
	}
	return out
}

// fail says what is needed.
func fail(tb testing.TB, err error, out []byte) {
	tb.Helper()
	tb.Fatalf("%v: %s\nthis test makes a network namespace, which takes root (CAP_SYS_ADMIN and CAP_NET_ADMIN) and ip, unshare and nsenter", err, out)
}
