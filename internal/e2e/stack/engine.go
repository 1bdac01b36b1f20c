package stack

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Engine is a docker engine of a test's own, with the containerd that it manages.
type Engine struct {
	*Process
	Socket     string // of its API
	Containerd string // address of its containerd, for ctr
}

// StartEngine starts dockerd, apart from any that the machine has, and waits until it
// answers. It has no bridge of its own: containers get the network of the host, none, or
// one that is made for them, which leads nowhere else. Like every engine it takes a
// registry on loopback without TLS.
//
// It lives in process and mount namespaces of its own, so that whatever it starts
// ends with it and no mount outlives it. This needs root.
func StartEngine(tb testing.TB) *Engine {
	tb.Helper()
	if os.Getuid() != 0 {
		tb.Fatal("the docker engine of the tests must be started by root: CONTRIBUTING.md says how")
	}
	// tb.TempDir has the name of the test in it, and a socket's path is at most 107 bytes.
	dir, err := os.MkdirTemp("", "engine-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("daemon.json"), []byte("{}\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	e := &Engine{Socket: at("docker.sock"), Containerd: at("exec/containerd/containerd.sock")}
	e.Process = start(tb, syscall.CLONE_NEWPID|syscall.CLONE_NEWNS, nil, "sh", "-c", ownNamespaces, "sh", Find(tb, "dockerd"),
		"--config-file", at("daemon.json"), "--data-root", at("data"), "--exec-root", at("exec"), "--pidfile", at("docker.pid"), "--host", "unix://"+e.Socket,
		"--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--shutdown-timeout", "2", "--log-level", "warn")
	tb.Cleanup(func() { // containers are asked to end first
		_ = e.Signal(syscall.SIGTERM)
		_ = e.ends(20 * time.Second)
	})
	api := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", e.Socket)
	}}}
	e.WaitFor(tb, "docker engine", time.Minute, func() bool {
		response, err := api.Get("http://docker/_ping")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return e
}

// ownNamespaces makes new namespaces fit for an engine: mounts stay inside, /proc
// shows its own processes, and the machine's containerd, which dockerd would take
// rather than start one, is out of sight.
const ownNamespaces = `set -e
mount --make-rprivate /
mount -t proc proc /proc
mkdir -p /run/containerd
mount -t tmpfs tmpfs /run/containerd
exec "$@"`

// NewClient is NewClient for a person whose docker uses this engine.
func (e *Engine) NewClient(tb testing.TB, r *Registry) *Client {
	tb.Helper()
	return NewClient(tb, r).With("DOCKER_HOST=unix://" + e.Socket)
}
