package bench_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// builder builds the programs, once and as "make build" does.
type builder struct {
	once          sync.Once
	dir           string
	broker, floor string // paths
	err           error
}

func (p *builder) build(tb testing.TB) {
	tb.Helper()
	p.once.Do(func() {
		if p.dir, p.err = os.MkdirTemp("", "shorepass-bench-"); p.err != nil {
			return
		}
		p.broker, p.floor = filepath.Join(p.dir, "shorepass"), filepath.Join(p.dir, "floor")
		if p.err = goBuild("../../..", p.broker, "./cmd/shorepass"); p.err == nil {
			p.err = goBuild(".", p.floor, "./floor")
		}
	})
	if p.err != nil {
		tb.Fatal(p.err)
	}
}

func (p *builder) remove() error {
	if p.dir == "" {
		return nil
	}
	return os.RemoveAll(p.dir)
}

func goBuild(module, to, what string) error {
	build := exec.Command("go", "build", "-trimpath", "-o", to, what)
	build.Dir = module
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", what, err, out)
	}
	return nil
}

// program is a running server.
type program struct {
	pid  int
	addr string
}

// startFloor starts the floor, with the headroom that the broker gives its garbage
// collector, and waits until it answers.
func startFloor(b *testing.B, args ...string) *program {
	b.Helper()
	return startBareFloor(b, append([]string{"-headroom", "16"}, args...)...)
}

// startBareFloor starts the floor as Go makes it.
func startBareFloor(b *testing.B, args ...string) *program {
	b.Helper()
	programs.build(b)
	addr := stack.FreeAddr(b)
	p := stack.Start(b, nil, programs.floor, append([]string{"-addr", addr}, args...)...)
	p.WaitFor(b, "floor", 10*time.Second, func() bool { return listens(addr) })
	return &program{p.PID(), addr}
}

// listens reports whether somebody takes connections; a floor that wants passwords
// answers others with an error.
func listens(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// answers reports whether a server answers as it should.
func answers(url string) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}
