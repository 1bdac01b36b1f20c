package demo_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/examples/quickstart/internal/demo"
)

// edit replaces a text of a file, which must be there.
type edit struct{ file, old, new string }

func (e edit) apply(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, e.file)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), e.old) {
		t.Fatalf("%s holds no %q", e.file, e.old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), e.old, e.new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// People are invited to change the files: the demo follows, or goes on and says what
// has changed.
func TestRunWithEditedFiles(t *testing.T) {
	moved := "localhost:" + freePort(t)
	for _, tt := range []struct {
		name  string
		edits []edit
		told  []string
	}{
		{
			"another password",
			[]edit{{"users.ldif", "userPassword: alice-password", "userPassword: it's new"}},
			[]string{
				"granted  public/hello: pull, push",
				`docker login localhost:5000 -u alice -p 'it'\''s new'` + "\n",
				"curl -u bob:bob-password 'http://localhost:5001/token?service=registry.localhost&scope=repository:platform/hello:pull,push'\n",
			},
		},
		{
			"a hash for a password",
			[]edit{{"users.ldif", "userPassword: alice-password", "userPassword: {SSHA}B6NgoDDG9GEC8sJy+rhmVLpRInVzYWx0"}},
			[]string{
				"Not pushing platform/hello: users.ldif holds no password of alice in clear\n",
				"docker login localhost:5000 -u alice -p PASSWORD\n",
			},
		},
		{
			"a policy that lets nobody push there",
			[]edit{{"policy.yaml", "allow: [pull, push, delete]", "allow: [pull]"}},
			[]string{
				"refused  platform/hello: push (no rule allows it)\n" +
					"          platform/hello is not there now: policy.yaml and users.ldif decide whether alice may push it\n",
			},
		},
		{
			"another address",
			[]edit{
				{"shorepass.yaml", "listen: localhost:5001", "listen: " + moved},
				{"shorepass.yaml", "public_url: http://localhost:5001", "public_url: http://" + moved},
			},
			[]string{"granted  platform/hello: pull, push", "'http://" + moved + "/token?service=registry.localhost&"},
		},
		{
			"another realm and service",
			[]edit{{"shorepass.yaml", "name: demo", "name: mine"}, {"shorepass.yaml", "registry.localhost", "registry.mine"}},
			[]string{"granted  platform/hello: pull, push", "token?service=registry.mine&"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := copyOf(t, quickstart, "")
			for _, e := range tt.edits {
				e.apply(t, dir)
			}
			r := start(t, dir)
			r.stop(t)
			for _, want := range tt.told {
				if !strings.Contains(r.String(), want) {
					t.Errorf("%q is missing:\n%s", want, r)
				}
			}
		})
	}
}

func TestRunSaysWhichEditStopsIt(t *testing.T) {
	taken := listen(t, "127.0.0.1:0")
	for _, tt := range []struct {
		name         string
		edit         edit
		prefix, want string
	}{
		{
			"an unknown key",
			edit{"shorepass.yaml", "listen:", "listne: 1\nlisten:"},
			"the broker has ended by itself (exit status 1). Its last words:\n", `"listne"`,
		},
		{
			"a public URL that leads nowhere",
			edit{"shorepass.yaml", "listen: localhost:5001", "listen: localhost:" + freePort(t)},
			"push of platform/hello as alice: the registry sends its clients to http://localhost:5001/token, where they get no answer: " +
				"public_url in shorepass.yaml must lead to what listen says: ", "refused",
		},
		{
			"a busy port",
			edit{"shorepass.yaml", "listen: localhost:5001", "listen: localhost:" + taken},
			"port " + taken + " is taken by another program, and the broker needs it.\n", "start the demo again",
		},
		{
			"another password of the broker",
			edit{"users.ldif", "userPassword: broker-password", "userPassword: other"},
			"push of platform/hello as alice: GET http://localhost:5001/token?", ": 503 Service Unavailable: your login cannot be checked at the moment",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := copyOf(t, quickstart, "")
			tt.edit.apply(t, dir)
			err := demo.Run(t.Context(), demo.Options{Dir: dir, Out: io.Discard})
			if err == nil || !strings.HasPrefix(err.Error(), tt.prefix) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A Unix socket's path has about a hundred bytes at most; a clone's may have more.
func TestRunInALongPath(t *testing.T) {
	dir := copyOf(t, quickstart, strings.Repeat("a long way/", 12))
	r := start(t, dir)
	quoted := "'" + filepath.Join(dir, "data", "shorepass") + "' explain --config "
	_, rest, found := strings.Cut(r.String(), quoted)
	if !found {
		t.Fatalf("%s is missing:\n%s", quoted, r)
	}
	config, _, _ := strings.Cut(rest, " ")
	if got, err := filepath.EvalSymlinks(config); err != nil || got != filepath.Join(dir, "shorepass.yaml") {
		t.Errorf("%s leads to %s, %v", config, got, err)
	}
	r.stop(t)
	if _, err := os.Lstat(filepath.Dir(filepath.Dir(config))); !os.IsNotExist(err) {
		t.Errorf("the link is still there: %v", err)
	}
}

// copyOf makes a repository of links some way below a temporary folder, but for the
// quick start's own files, which may be changed.
func copyOf(t *testing.T, dir, way string) string {
	t.Helper()
	original, err := filepath.Abs(filepath.Join(dir, "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), way)
	copied := filepath.Join(root, "examples", "quickstart")
	if err := os.MkdirAll(copied, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum", "broker", "cmd", "connectors", "docs", "internal", "policy"} {
		if err := os.Symlink(filepath.Join(original, name), filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"shorepass.yaml", "policy.yaml", "users.ldif"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(copied, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return copied
}
