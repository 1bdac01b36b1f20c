package e2e_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// other is the number of a user who is not root.
const other = 12345

// TestFolderOfAnother holds that a command makes nothing in the folder of another user,
// who could not read it. Only root may give a folder away.
func TestFolderOfAnother(t *testing.T) {
	b := stack.NewBroker(t, program, replace(t, example(t, "small-team/shorepass.yaml"), "    connectors:\n", tokensConnector),
		map[string]string{"users.yaml": example(t, "small-team/users.yaml")})
	data := filepath.Join(b.Dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(data, other, other); err != nil {
		t.Fatalf("%v: the tests of this folder run as root", err)
	}
	for _, args := range [][]string{
		{"token", "create", "--owner", "local:alice", "--name", "ci", "--scope", "repository:**:pull"},
		{"restore", b.Config},
	} {
		r := b.Command(t, "", args...)
		left, err := os.ReadDir(data)
		if r.Code != 1 || err != nil || len(left) > 0 || !strings.Contains(r.Stderr, "belongs to the user with the number 12345: run this as that user") {
			t.Errorf("%s: exit code %d: %s; there is %v, %v", args[0], r.Code, r.Stderr, left, err)
		}
	}
}

// TestFolderOfRoot holds that in a folder of root's that others may write to, as volumes come,
// the user who has worked there may go on, and nobody else makes or changes anything, root
// included.
func TestFolderOfRoot(t *testing.T) {
	b := stack.NewBroker(t, program, replace(t, example(t, "small-team/shorepass.yaml"), "    connectors:\n", tokensConnector, "realms:\n", "admin_socket: denied/admin.sock\nrealms:\n"),
		map[string]string{"users.yaml": example(t, "small-team/users.yaml")})
	data, denied := filepath.Join(b.Dir, "data"), filepath.Join(b.Dir, "denied")
	binary, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(b.Dir, "shorepass")                                                                                                                             // that of the tests is in a folder of root's
	if err := errors.Join(os.WriteFile(own, binary, 0o755), os.Mkdir(data, 0o700), os.Chmod(data, 0o777), os.Mkdir(denied, 0o700), os.Chmod(filepath.Dir(b.Dir), 0o755), //nolint:gosec // others are to
		os.Chown(b.Config, other, other), os.Chown(filepath.Join(b.Dir, "users.yaml"), other, other)); err != nil {
		t.Fatalf("%v: the tests of this folder run as root", err)
	}
	create := []string{"token", "create", "--owner", "local:alice", "--name", "ci", "--scope", "repository:**:pull"}
	as := func(args ...string) stack.Result {
		t.Helper()
		id := strconv.Itoa(other)
		return stack.Run(t, nil, "", stack.Find(t, "setpriv"), append(append([]string{"--reuid", id, "--regid", id, "--clear-groups", own}, args...), "--config", b.Config)...)
	}
	if r := as(create...); r.Code != 0 {
		t.Fatalf("the user's own: %s", r.Text())
	}
	before := namesIn(t, data)
	for _, args := range [][]string{create, {"token", "list"}, {"keys", "list"}, {"restore", b.Config}, {"backup", filepath.Join(b.Dir, "x.tar")}} {
		if r := b.Command(t, "", args...); r.Code != 1 || !strings.Contains(r.Stderr, "belongs to the user with the number 12345: run this as that user") {
			t.Errorf("%s %s: exit code %d: %s", args[0], args[1], r.Code, r.Text())
		}
	}
	if after := namesIn(t, data); !slices.Equal(after, before) {
		t.Errorf("there was %v, and is %v", before, after)
	}
	if r := as("token", "list"); r.Code != 0 || !strings.Contains(r.Stdout, "local:alice") {
		t.Errorf("the user's own, after that: %s", r.Text())
	}

	// A socket that may not be connected to has somebody behind it: nobody waits for him to end.
	lock, err := os.OpenFile(filepath.Join(data, "lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	if r := as("token", "list"); r.Code != 1 || !strings.Contains(r.Stderr, "is its owner's alone: run this as the user that serves") {
		t.Errorf("behind a socket of another: exit code %d: %s", r.Code, r.Text())
	}
}

// namesIn are those of the files in a folder.
func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}
