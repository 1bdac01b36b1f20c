package e2e_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// ctr is containerd's own client. It keeps no login: every command has the password.
func ctr(e *stack.Engine) tool {
	run := func(p *person, args ...string) stack.Result {
		return p.Run("", "ctr", append([]string{"--address", e.Containerd, "--namespace", "e2e"}, args...)...)
	}
	remote := func(p *person, command string, args ...string) stack.Result {
		args = append([]string{"images", command, "--plain-http"}, args...)
		if p.name != "" {
			args = append(args[:3:3], append([]string{"--user", p.name + ":" + p.password}, args[3:]...)...)
		}
		return run(p, args...)
	}
	return tool{
		name:  "ctr",
		hides: slices.Collect(maps.Keys(ours)),
		push: func(p *person, ref string) stack.Result {
			return inOrder(
				func() stack.Result {
					return run(p, "images", "import", "--snapshotter", "native", "--no-unpack", p.Image())
				},
				func() stack.Result { return run(p, "images", "tag", "--force", "docker.io/"+p.ImageName(), ref) },
				func() stack.Result { return remote(p, "push", ref) },
			)
		},
		pull: func(p *person, ref string) stack.Result { return remote(p, "pull", "--snapshotter", "native", ref) },
		mount: func(p *person, from, to string) stack.Result {
			return inOrder(
				func() stack.Result { return run(p, "images", "tag", "--force", from, to) },
				func() stack.Result { return remote(p, "push", to) },
			)
		},
	}
}

// TestContainerdFallsBack sees in which ways containerd asks for tokens: first by
// POST, and by GET where that is refused, as proxies do that know the older protocol
// alone. So it sends a wrong password twice.
func TestContainerdFallsBack(t *testing.T) {
	front := &front{}
	at := httptest.NewServer(front)
	defer at.Close()
	w := newWorld(t, stack.V3, "http://{{listen}}", at.URL)
	front.behind(t, w.broker.Addr)
	engine := stack.StartEngine(t)
	alice := &person{engine.NewClient(t, w.registry), "alice", "alice-password"}
	u, private, public := ctr(engine), alice.Ref("platform/ctr:"+tag), alice.Ref("public/ctr:"+tag)
	for _, ref := range []string{private, public} {
		ok(t, u.push(alice, ref))
	}

	tests := []struct {
		name           string
		who            *person
		ref            string
		getOnly, fails bool
		want           []string
	}{
		{"signed in", alice, private, false, false, []string{"POST 200"}},
		{"signed in, through a proxy without POST", alice, private, true, false, []string{"POST 405", "GET 200"}},
		{"wrong password", alice.as("alice", "not-her-password"), private, false, true, []string{"POST 401", "GET 401"}},
		{"anonymous", alice.as("", ""), public, false, false, []string{"GET 200"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			front.reset(test.getOnly)
			if r := u.pull(test.who, test.ref); (r.Code != 0) != test.fails {
				t.Errorf("exit code %d:\n%s", r.Code, r.Text())
			}
			if got := front.seen(); !slices.Equal(got, test.want) {
				t.Errorf("containerd asks %q, want %q", got, test.want)
			}
		})
	}
}

// front is a proxy in front of the broker that sees how it is asked.
type front struct {
	mu      sync.Mutex
	proxy   *httputil.ReverseProxy
	getOnly bool
	asked   []string
}

func (f *front) behind(t *testing.T, addr string) {
	t.Helper()
	target, err := url.Parse("http://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	f.proxy = httputil.NewSingleHostReverseProxy(target)
	f.proxy.ModifyResponse = func(r *http.Response) error {
		f.saw(r.Request.Method, r.StatusCode)
		return nil
	}
}

func (f *front) saw(method string, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, fmt.Sprintf("%s %d", method, status))
}

func (f *front) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

func (f *front) reset(getOnly bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked, f.getOnly = nil, getOnly
}

// ServeHTTP implements [http.Handler].
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	refuse := f.getOnly && r.Method == http.MethodPost
	f.mu.Unlock()
	if refuse {
		f.saw(r.Method, http.StatusMethodNotAllowed)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	f.proxy.ServeHTTP(w, r)
}
