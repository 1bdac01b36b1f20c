package demo_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/shorepass/shorepass/examples/quickstart/internal/demo"
	"github.com/shorepass/shorepass/examples/quickstart/internal/registry"
)

// quickstart is the folder of the quick start.
const quickstart = "../.."

// transcript collects what the demo prints.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (tr *transcript) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.Write(p)
}

func (tr *transcript) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.String()
}

// run is a demo under way, in the test or as a command.
type run struct {
	transcript
	cancel context.CancelFunc // of one in the test
	ended  chan struct{}      // closed at its end
	err    error              // with which it ended
}

// start runs the demo of a folder and returns when it is ready.
func start(t *testing.T, dir string) *run {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{cancel: cancel, ended: make(chan struct{})}
	go func() {
		r.err = demo.Run(ctx, demo.Options{Dir: dir, Out: r})
		close(r.ended)
	}()
	t.Cleanup(cancel)
	r.await(t, "Ready.", 5*time.Minute) // a build from nothing included
	return r
}

// await returns when the demo has printed a text.
func (r *run) await(t *testing.T, text string, within time.Duration) {
	t.Helper()
	late := time.After(within)
	for !strings.Contains(r.String(), text) {
		select {
		case <-r.ended:
			if !strings.Contains(r.String(), text) {
				t.Fatalf("%q is missing, and the demo has ended: %v\n%s", text, r.err, r)
			}
		case <-late:
			t.Fatalf("%q is missing:\n%s", text, r)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the demo as Ctrl-C does.
func (r *run) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	select {
	case <-r.ended:
		if r.err != nil {
			t.Errorf("the demo ended with %v", r.err)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("the demo does not end")
	}
}

// fetch makes a GET request; who may be nil, and token empty.
func fetch(t *testing.T, address string, who *registry.Account, token, accept string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	if who != nil {
		request.SetBasicAuth(who.Username, who.Password)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}

// askToken asks the broker for a token and returns it with the status.
func askToken(t *testing.T, who *registry.Account, scope string) (int, string) {
	t.Helper()
	query := url.Values{"service": {"registry.localhost"}, "scope": {scope}}
	status, body := fetch(t, "http://localhost:5001/token?"+query.Encode(), who, "", "")
	var answer struct {
		Token string `json:"token"`
	}
	if status == http.StatusOK {
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatal(err)
		}
	}
	return status, answer.Token
}

// pull returns the content of the one file of an image, fetched without an account.
func pull(t *testing.T, repository string) string {
	t.Helper()
	status, token := askToken(t, nil, "repository:"+repository+":pull")
	if status != http.StatusOK {
		t.Fatalf("anonymous token for %s: status %d", repository, status)
	}
	base := "http://localhost:5000/v2/" + repository
	status, body := fetch(t, base+"/manifests/latest", nil, token, v1.MediaTypeImageManifest)
	if status != http.StatusOK {
		t.Fatalf("manifest of %s: status %d", repository, status)
	}
	var manifest v1.Manifest
	if err := json.Unmarshal(body, &manifest); err != nil {
		t.Fatal(err)
	}
	_, layer := fetch(t, base+"/blobs/"+manifest.Layers[0].Digest.String(), nil, token, "")
	unzipped, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(unzipped)
	if _, err := archive.Next(); err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(archive)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestRun(t *testing.T) {
	r := start(t, quickstart)
	ctx, registryURL := t.Context(), "http://localhost:5000"
	alice := registry.Account{Username: "alice", Password: "alice-password"}
	bob := registry.Account{Username: "bob", Password: "bob-password"}
	carol := registry.Account{Username: "carol", Password: "carol-password"}
	image, err := registry.NewImage("mine.txt", "mine\n")
	if err != nil {
		t.Fatal(err)
	}

	for _, tt := range []struct {
		name, repository string
		who              registry.Account
		allowed          bool
		told             string
	}{
		{
			"alice pushes to her team", "platform/mine", alice, true,
			"directory:alice (directory:platform) from 127.0.0.1 with quickstart\n" +
				"          granted  platform/mine: pull, push (rule \"platform owns its images\")\n",
		},
		{
			"bob may only read", "platform/hello", bob, false,
			"directory:bob (no groups) from 127.0.0.1 with quickstart\n" +
				"          granted  platform/hello: pull (rule \"everybody runs what platform builds\")\n" +
				"          refused  platform/hello: push (no rule allows it)\n",
		},
		{
			"bob pushes to his home", "home/bob/x", bob, true,
			"          granted  home/bob/x: pull, push (rule \"everybody has a home\")\n",
		},
		{
			"carol is a contractor", "public/hers", carol, false,
			"directory:carol (directory:contractors, directory:platform) from 127.0.0.1 with quickstart\n" +
				"          granted  public/hers: pull (rule \"platform owns its images\")\n" +
				"          refused  public/hers: push (rule \"contractors publish nothing\" denies it)\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := registry.Push(ctx, registryURL, tt.who, tt.repository, "latest", image)
			switch {
			case tt.allowed && err != nil:
				t.Errorf("refused: %v", err)
			case !tt.allowed && (err == nil || !strings.Contains(err.Error(), "401 Unauthorized")):
				t.Errorf("not refused by the registry: %v", err)
			}
			r.await(t, tt.told, 20*time.Second)
		})
	}

	t.Run("anonymous pulls a public image", func(t *testing.T) {
		if got := pull(t, "public/hello"); got != "Hello from public/hello.\n" {
			t.Errorf("got %q", got)
		}
		r.await(t, "anonymous from 127.0.0.1 with Go-http-client/1.1\n"+
			"          granted  public/hello: pull (rule \"the world reads public images\")\n", 20*time.Second)
	})
	t.Run("anonymous pulls nothing else", func(t *testing.T) {
		if status, _ := askToken(t, nil, "repository:platform/hello:pull"); status != http.StatusUnauthorized {
			t.Errorf("status %d", status)
		}
		r.await(t, "          refused  platform/hello: pull (no rule allows it)\n          answered 401: log in first\n", 20*time.Second)
	})
	t.Run("wrong password", func(t *testing.T) {
		wrong := registry.Account{Username: "alice", Password: "bob-password"}
		if status, _ := askToken(t, &wrong, "repository:platform/hello:pull"); status != http.StatusUnauthorized {
			t.Errorf("status %d", status)
		}
		r.await(t, "somebody as \"alice\" from 127.0.0.1 with Go-http-client/1.1\n          answered 401: login refused (wrong-password)\n", 20*time.Second)
	})

	r.stop(t)
	for _, address := range []string{"localhost:5000", "localhost:5001", "localhost:5002", "localhost:1389"} {
		if err := demo.CheckPorts(ctx, []demo.Port{{Address: address, Need: "the test"}}, "linux"); err != nil {
			t.Errorf("still taken: %v", err)
		}
	}
	if !strings.HasSuffix(r.String(), "Ended.\n") {
		t.Errorf("the last words are missing:\n%s", r)
	}
}

func TestRunNamesTheBusyPort(t *testing.T) {
	listener, err := net.Listen("tcp", "localhost:1389")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var out strings.Builder
	err = demo.Run(t.Context(), demo.Options{Dir: quickstart, Out: &out})
	if err == nil || !strings.HasPrefix(err.Error(), "port 1389 is taken by another program, and the LDAP directory needs it.\n") {
		t.Errorf("got %v", err)
	}
	if out.String() != "" {
		t.Errorf("something was started: %q", out.String())
	}
}

func TestRunElsewhere(t *testing.T) {
	err := demo.Run(t.Context(), demo.Options{Dir: t.TempDir(), Out: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "is not the quick start's folder in the repository") {
		t.Errorf("got %v", err)
	}
}
