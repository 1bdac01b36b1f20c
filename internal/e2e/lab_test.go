package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// startLab starts the lab in a folder and at ports of its own. What is written to
// typed is typed in its terminal.
func startLab(t *testing.T, dir string, port int) (lab *stack.Process, typed io.Writer) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "lab")
	if out, err := exec.Command("go", "build", "-o", binary, "./lab").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	terminal := filepath.Join(t.TempDir(), "terminal")
	if err := syscall.Mkfifo(terminal, 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(terminal, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	lab = stack.Start(t, nil, "sh", "-c", `exec "$@" <"$0"`, terminal, binary, "-root", "../..", "-dir", dir, "-port", strconv.Itoa(port))
	return lab, w
}

// freePorts returns the first of so many ports that are free, and that stay so for longer
// than a moment: the kernel takes the ports of clients from 32768 on.
func freePorts(t *testing.T, count int) int {
	t.Helper()
	for range 100 {
		first := 20000 + rand.IntN(12000)
		if openPorts(first, count) == nil {
			return first
		}
	}
	t.Fatalf("there are no %d free ports in a row", count)
	return 0
}

// openPorts returns those of so many ports that somebody listens at.
func openPorts(first, count int) (open []int) {
	for port := first; port < first+count; port++ {
		if c, err := net.DialTimeout("tcp", fmt.Sprintf("localhost:%d", port), time.Second); err == nil {
			_ = c.Close()
			open = append(open, port)
		}
	}
	return open
}

// TestLab uses the lab as its guide says, restarts the broker in it, and ends it.
func TestLab(t *testing.T) {
	dir, port := filepath.Join(t.TempDir(), "lab"), freePorts(t, 5)
	lab, typed := startLab(t, dir, port)
	printed := func(text string) func() bool {
		return func() bool { return strings.Contains(lab.Output.String(), text) }
	}
	lab.WaitFor(t, "guide", 2*time.Minute, printed("Ctrl-C ends all of it."))
	b := &stack.Broker{Program: filepath.Join(dir, "shorepass"), Config: filepath.Join(dir, "shorepass.yaml"), Dir: dir}
	r := &stack.Registry{Addr: fmt.Sprintf("localhost:%d", port)}
	alice, bob := stack.NewClient(t, r), stack.NewClient(t, r)
	t.Run("who may log in", func(t *testing.T) { checkLabPeople(t, b, lab.Output.String()) })
	t.Run("clients", func(t *testing.T) {
		ok(t, alice.DockerLogin("alice", "alice-password"))
		ok(t, bob.DockerLogin("bob", "bob-password"))
		ok(t, alice.Crane("push", alice.Image(), alice.Ref("platform/app:1")))
		if r := bob.Crane("push", bob.Image(), bob.Ref("platform/app:2")); r.Code == 0 {
			t.Error("bob pushes to platform/app")
		}
		if entries := b.Audit(t); len(entries) == 0 {
			t.Error("the audit file is empty")
		}
		for _, name := range []string{"broker.log", "slapd.log"} {
			if content, err := os.ReadFile(filepath.Join(dir, name)); err != nil || len(content) == 0 {
				t.Errorf("%s: %d bytes, %v", name, len(content), err)
			}
		}
	})
	t.Run("another in its folder", func(t *testing.T) { startInTheWay(t, dir, freePorts(t, 5), "a lab is running in "+dir) })
	t.Run("ldapsearch", func(t *testing.T) { searchLab(t, lab.Output.String()) })
	t.Run("restart of the broker", func(t *testing.T) {
		policy := filepath.Join(dir, "policy.yaml")
		changed := replace(t, example(t, "openldap/policy.yaml"), "groups: [directory:platform]", "groups: [directory:platform, directory:registry-web]")
		restart := func(content, want string) {
			if err := os.WriteFile(policy, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(typed)
			lab.WaitFor(t, want, 2*time.Minute, printed(want))
		}
		restart("rules: oops\n", "Mend it, and press Enter.")
		restart(changed, "The broker is back.")
		ok(t, bob.Crane("push", bob.Image(), bob.Ref("platform/app:2")))
	})
	if err := lab.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := lab.Wait(t, time.Minute); code != 0 || !printed("\nEnded.\n")() {
		t.Errorf("exit code %d", code)
	}
	if open := openPorts(port, 5); open != nil {
		t.Errorf("ports %v are still open", open)
	}
	if left := processesIn(t, dir); left != nil {
		t.Errorf("processes are left: %q", left)
	}
	t.Run("its folder at other ports", func(t *testing.T) { startInTheWay(t, dir, freePorts(t, 5), "it is for other ports") })
}

// startInTheWay starts a lab in the folder of another, where it is refused and leaves
// everything as it was.
func startInTheWay(t *testing.T, dir string, port int, want string) {
	lab, _ := startLab(t, dir, port)
	if code := lab.Wait(t, time.Minute); code != 1 || !strings.Contains(lab.Output.String(), want) {
		t.Errorf("exit code %d, want 1 and %q:\n%s", code, want, lab.Output)
	}
	if _, err := os.Stat(filepath.Join(dir, "slapd", "ca.pem")); err != nil {
		t.Errorf("the directory of the first lab is gone: %v", err)
	}
	config, err := os.ReadFile(filepath.Join(dir, "shorepass.yaml"))
	if err != nil || strings.Contains(string(config), "proxy") || strings.Contains(string(config), "plain_http") {
		t.Errorf("the configuration speaks of a proxy, which there is not: %v\n%s", err, config)
	}
}

// TestLabFolders wants labs at other ports to have folders of their own.
func TestLabFolders(t *testing.T) {
	for port, want := range map[string]string{"5020": "data/lab", "6020": "data/lab-6020"} {
		command := "exec bin/lab -root . -dir " + want + " -port " + port + "\n"
		if printed := ok(t, stack.Run(t, nil, "", stack.Find(t, "make"), "-C", "../..", "-n", "lab", "PORT="+port)); !strings.Contains(printed, command) {
			t.Errorf("make lab PORT=%s runs\n%s\nwant %s", port, printed, command)
		}
	}
}

// checkLabPeople logs in as everybody in the guide, and wants the groups that it tells.
func checkLabPeople(t *testing.T, b *stack.Broker, guide string) {
	people := regexp.MustCompile(`(?m)^  (\w+) +(\w+-password) +(.+)$`).FindAllStringSubmatch(guide, -1)
	if len(people) != 4 {
		t.Fatalf("the guide has %q", people)
	}
	for _, p := range people {
		got := b.Command(t, p[2], "explain", "--login", p[1], "repository:x:pull").Stdout
		want := "groups   directory:" + strings.ReplaceAll(p[3], ", ", ", directory:") + "\n"
		if strings.HasPrefix(p[3], "(") {
			want = "groups   none\n"
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: explain prints\n%s\nthe guide has %q", p[1], got, p[3])
		}
	}
}

// searchLab runs the guide's ldapsearch.
func searchLab(t *testing.T, guide string) {
	command := regexp.MustCompile(`(?m)^  (ldapsearch .*)$`).FindString(guide)
	args := strings.Fields(command)
	if len(args) == 0 {
		t.Fatal("the guide has no ldapsearch")
	}
	if got := ok(t, stack.Run(t, nil, "", stack.Find(t, args[0]), args[1:]...)); !strings.Contains(got, "dn: uid=alice,ou=people,dc=corp,dc=example") {
		t.Errorf("%s prints\n%s", command, got)
	}
}

// processesIn returns the command lines that name something in a folder.
func processesIn(t *testing.T, dir string) (found []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || all == nil {
		t.Fatalf("there are no processes: %v", err)
	}
	for _, name := range all {
		if line, err := os.ReadFile(name); err == nil && bytes.Contains(line, []byte(dir)) { // others have ended
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// TestLabPortTaken starts the lab where somebody has one of its ports.
func TestLabPortTaken(t *testing.T) {
	port := freePorts(t, 5)
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lab, _ := startLab(t, filepath.Join(t.TempDir(), "lab"), port)
	want := fmt.Sprintf("port %d is taken by another program, and the broker needs it", port+1)
	if code := lab.Wait(t, time.Minute); code != 1 || !strings.Contains(lab.Output.String(), want) {
		t.Errorf("exit code %d:\n%s", code, lab.Output)
	}
}
