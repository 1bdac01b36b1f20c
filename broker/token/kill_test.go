package token_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

// rotateForever names the environment variable that makes the test binary a process
// to be killed: it rotates keys in the folder named and prints each key id once
// that signs.
const rotateForever = "SHOREPASS_TEST_ROTATE_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(rotateForever); dir != "" {
		fmt.Println(rotateIn(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func rotateIn(dir string) error {
	ring, err := token.Open(token.Config{Dir: dir, Realm: "corp"})
	for err == nil {
		fmt.Println(signing(ring).KID)
		_, err = ring.Rotate()
	}
	return err
}

// A process killed while it rotates leaves the key that it last signed with.
func TestKilledWhileRotating(t *testing.T) {
	for _, rotations := range []int{1, 2, 3, 5, 8, 13, 21} {
		dir := filepath.Join(t.TempDir(), "corp")
		kid := killed(t, dir, func(printed *bufio.Scanner) {
			for range rotations {
				printed.Scan()
			}
		})
		ring, err := token.Open(token.Config{Dir: dir, Realm: "corp"})
		if err != nil {
			t.Fatalf("after %d rotations: %v", rotations, err)
		}
		if known := kids(ring); !slices.Contains(known, kid) {
			t.Errorf("after %d rotations %s signed, but the folder knows %v", rotations, kid, known)
		}
	}
}

// A process killed on its first start leaves a folder that loads.
func TestKilledOnFirstStart(t *testing.T) {
	for delay := time.Duration(0); delay < 30*time.Millisecond; delay += 2 * time.Millisecond {
		dir := filepath.Join(t.TempDir(), "corp")
		killed(t, dir, func(*bufio.Scanner) { time.Sleep(delay) })
		ring, err := token.Open(token.Config{Dir: dir, Realm: "corp"})
		if err != nil {
			t.Fatalf("killed after %v: %v", delay, err)
		}
		issue(t, ring, pull())
	}
}

// killed starts the process, kills it when until returns, and returns the last key
// id that it printed.
func killed(t *testing.T, dir string, until func(printed *bufio.Scanner)) string {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), binary)
	c.Env = append(os.Environ(), rotateForever+"="+dir)
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	printed := bufio.NewScanner(stdout)
	until(printed)
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	last := printed.Text()
	for printed.Scan() {
		last = printed.Text()
	}
	if err := c.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Fatalf("the process ended by itself: %v, having printed %q", err, last)
	}
	return strings.TrimSpace(last)
}

func kids(r *token.Ring) []string {
	var out []string
	for _, k := range r.Keys() {
		out = append(out, k.KID)
	}
	return out
}
