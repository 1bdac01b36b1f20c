package e2e_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// smallBroker is a broker of one realm with one user, whose password is hashed each time. The
// signature takes some milliseconds: its key has 4096 bits.
func smallBroker(t *testing.T, limits string) *stack.Broker {
	t.Helper()
	keyFile, certFile := largeKey(t)
	hash, err := static.Hash(connectors.NewSecret("worker-password"), static.Argon2id)
	if err != nil {
		t.Fatal(err)
	}
	return stack.NewBroker(t, program, `
listen: "{{listen}}"
monitor: "{{monitor}}"
public_url: "http://{{listen}}"
data_dir: ./data
limits: `+limits+`
realms:
  - name: corp
    services: [registry.corp]
    signing: {key_file: `+keyFile+`, cert_file: `+certFile+`}
    connectors: [{name: local, type: static, config: {file: users.yaml}, guard: {cache: {ttl: 0s}}}]
    policy: {rules: [{name: the world reads, anyone: true, repositories: [public/**], allow: [pull]}]}
`, map[string]string{"users.yaml": fmt.Sprintf("users: [{username: worker, password_hash: %q}]\n", hash)})
}

// largeKey makes an RSA key of 4096 bits and its certificate.
func largeKey(t *testing.T) (keyFile, certFile string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 4096)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tokens"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("tokens.key", "PRIVATE KEY", der), write("tokens.crt", "CERTIFICATE", cert)
}

// TestOverload sends a broker that works on one request at once many more, and looks for what
// it says to them, to others, and to its operator.
func TestOverload(t *testing.T) {
	t.Parallel()
	b := smallBroker(t, "{requests: {at_once: 1}}")
	b.Serve(t)
	const clients, each = 400, 2
	var mu sync.Mutex
	statuses := map[int]int{}
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range each {
				a, err := b.Ask(t.Context(), "", "", "registry.corp", "repository:public/app:pull")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				statuses[a.Status]++
				mu.Unlock()
				if after, err := strconv.Atoi(a.Header.Get("Retry-After")); a.Status == http.StatusServiceUnavailable &&
					(err != nil || after < 2 || after > 10 || a.Header.Get("X-Request-Id") == "" || !strings.Contains(a.Body, "too many requests at the moment")) {
					t.Errorf("turned away with %v: %s", a.Header, a.Body)
				}
			}
		})
	}
	for range 20 { // meanwhile
		for _, url := range []string{"http://" + b.Addr + "/realms/corp/keys", "http://" + b.Addr + "/realms/corp/ca.pem", b.ReadyURL()} {
			if status := statusOf(t, url); status != http.StatusOK {
				t.Errorf("%s: %d", url, status)
			}
		}
	}
	wg.Wait()
	granted, refused := statuses[http.StatusOK], statuses[http.StatusServiceUnavailable]
	if granted == 0 || refused == 0 || granted+refused != clients*each {
		t.Errorf("answers by status: %v", statuses)
	}
	if a := b.Token(t, "worker", "worker-password", "registry.corp"); a.Status != http.StatusOK {
		t.Errorf("afterwards: %d", a.Status)
	}
	told := 0
	for _, line := range strings.Split(b.Output.String(), "\n") {
		if strings.Contains(line, "too much at once") {
			told++
		}
	}
	if told == 0 || told > 2 {
		t.Errorf("%d lines in the log", told)
	}
	b.WaitFor(t, "the counts", 30*time.Second, func() bool {
		alone, counted := 0, 0
		for _, e := range b.Audit(t) {
			switch {
			case e.Outcome == "granted" && e.Act == "":
				alone++
			case e.Reason == "overloaded":
				counted += e.Count
			}
		}
		return alone == granted+1 && counted == refused
	})
}

func statusOf(t *testing.T, url string) int {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// limitDescriptors sets how many file descriptors a process may have.
func limitDescriptors(t *testing.T, pid, most int) {
	t.Helper()
	if r := stack.Run(t, nil, "", stack.Find(t, "prlimit"), "--pid", strconv.Itoa(pid), fmt.Sprintf("--nofile=%d:", most)); r.Code != 0 {
		t.Fatal(r.Text())
	}
}

func descriptors(t *testing.T, pid int) int {
	t.Helper()
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// connect opens connections that ask nothing, or that have their answer.
func connect(t *testing.T, addr string, count int, ask bool) {
	t.Helper()
	for range count {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if !ask {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.WriteString(c, "GET /realms/corp/keys HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1<<12)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFewDescriptors has a process that may have 96 file descriptors: half of them are for
// clients, so that it never wants for one.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	b := smallBroker(t, "{connections: 1000}\ntrusted_proxies: [127.0.0.1]")
	b.Process = stack.Start(t, nil, stack.Find(t, "prlimit"), "--nofile=96:96", program, "serve", "--config", b.Config)
	b.WaitFor(t, "ready broker", 20*time.Second, func() bool { return b.Ready() == http.StatusOK })

	connect(t, b.Addr, 48, true)
	if a := b.Token(t, "worker", "worker-password", "registry.corp"); a.Status != http.StatusOK || a.Took > 3*time.Second {
		t.Errorf("with idle connections: %d after %s", a.Status, a.Took)
	}
	connect(t, b.Addr, 70, false)
	if status := b.Ready(); status != http.StatusOK {
		t.Errorf("not ready: %d", status)
	}
	if n := descriptors(t, b.PID()); n > 96-20 {
		t.Errorf("%d descriptors are in use", n)
	}
	if a := b.Token(t, "worker", "worker-password", "registry.corp"); a.Status != http.StatusOK {
		t.Errorf("behind connections that ask nothing: %d", a.Status)
	}
	if out := b.Output.String(); strings.Contains(out, "no file descriptors") || !strings.Contains(out, "as many connections as there may be") {
		t.Errorf("the log: %s", out)
	}
}

// TestMonitorCrowd opens many more connections to the monitor than the process has file
// descriptors, and sends nothing over them.
func TestMonitorCrowd(t *testing.T) {
	t.Parallel()
	b := smallBroker(t, "{connections: 100}")
	b.Process = stack.Start(t, nil, stack.Find(t, "prlimit"), "--nofile=256:256", program, "serve", "--config", b.Config)
	b.WaitFor(t, "ready broker", 20*time.Second, func() bool { return b.Ready() == http.StatusOK })
	elsewhere := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	for range 500 {
		c, err := elsewhere.DialContext(t.Context(), "tcp", strings.Split(b.ReadyURL(), "/")[2])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	if n := descriptors(t, b.PID()); n > 100 {
		t.Errorf("%d descriptors are in use", n)
	}
	if status := b.Ready(); status != http.StatusOK {
		t.Errorf("not ready: %d", status)
	}
	if a := b.Token(t, "worker", "worker-password", "registry.corp"); a.Status != http.StatusOK || a.Took > 3*time.Second {
		t.Errorf("who wants a token gets %d after %s", a.Status, a.Took)
	}
	if out := b.Output.String(); strings.Contains(out, "no file descriptors") {
		t.Errorf("the log: %s", out)
	}
}

// TestOutOfDescriptors takes away all file descriptors of a process that serves: it says so,
// lives on, and serves again when there are some.
func TestOutOfDescriptors(t *testing.T) {
	t.Parallel()
	b := smallBroker(t, "{connections: 100}")
	b.Process = stack.Start(t, nil, stack.Find(t, "prlimit"), "--nofile=256:256", program, "serve", "--config", b.Config)
	b.WaitFor(t, "ready broker", 20*time.Second, func() bool { return b.Ready() == http.StatusOK })
	http.DefaultClient.CloseIdleConnections()
	limitDescriptors(t, b.PID(), 3)

	late := make(chan stack.Answer, 1)
	go func() {
		a, err := b.Ask(t.Context(), "worker", "worker-password", "registry.corp")
		if err != nil {
			t.Error(err)
		}
		late <- a
	}()
	b.WaitFor(t, "a word in the log", 10*time.Second, func() bool { return strings.Contains(b.Output.String(), "no file descriptors left") })
	time.Sleep(2 * time.Second)
	limitDescriptors(t, b.PID(), 256)
	if a := <-late; a.Status != http.StatusOK || a.Took > 10*time.Second {
		t.Errorf("who came meanwhile: %d after %s", a.Status, a.Took)
	}
	if a := b.Token(t, "worker", "worker-password", "registry.corp"); a.Status != http.StatusOK {
		t.Errorf("afterwards: %d", a.Status)
	}
	if n := strings.Count(b.Output.String(), "no file descriptors left"); n > 1 {
		t.Errorf("%d lines in the log", n)
	}
	if status := b.Ready(); status != http.StatusOK {
		t.Errorf("afterwards not ready: %d", status)
	}
}

// TestSlowDirectoryLeavesThePlaces has a directory hang with many logins, and one place in all.
func TestSlowDirectoryLeavesThePlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "", "realms:\n", "limits: {requests: {at_once: 1}}\nrealms:\n")
	w.slapd.Pause(t)
	defer w.slapd.Resume(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() { _, _ = w.broker.Ask(ctx, fmt.Sprintf("somebody-%d", i), "password", service) })
	}
	time.Sleep(300 * time.Millisecond)
	for range 20 {
		if a := w.broker.Token(t, "", "", service, "repository:public/app:pull"); a.Status == http.StatusServiceUnavailable || a.Took > 2*time.Second {
			t.Errorf("who needs no directory gets %d after %s: %s", a.Status, a.Took, a.Body)
		}
	}
	cancel()
	wg.Wait()
}
