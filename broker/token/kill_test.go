package token_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

// rotateForever names the environment variable that makes the test binary a process
// to be killed: it changes keys in the folder named, by every act that there is, and
// prints the ids of those that sign.
const rotateForever = "SHOREPASS_TEST_ROTATE_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(rotateForever); dir != "" {
		fmt.Println(rotateIn(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// killedConfig is the ring of that process: its realm has services of both kinds.
func killedConfig(dir string) token.Config {
	return token.Config{Dir: dir, Realm: "corp", Trust: map[string]token.Trust{"registry.example": token.X5C, v3: token.JWKS}}
}

// rotateIn does every act, again and again, and prints before each the key ids that sign.
func rotateIn(dir string) error {
	ring, err := token.Open(killedConfig(dir))
	for err == nil {
		for _, a := range token.Acts() {
			fmt.Println(strings.Join(signingKIDs(ring), " "))
			if _, err = ring.Do(a, true); err != nil {
				break
			}
		}
	}
	return err
}

func signingKIDs(r *token.Ring) []string {
	var out []string
	for _, k := range r.Keys() {
		if k.Use == token.Signing {
			out = append(out, k.KID)
		}
	}
	return out
}

// A process killed while it rotates leaves the key that it last signed with.
func TestKilledWhileRotating(t *testing.T) {
	for _, rotations := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 21} {
		dir := filepath.Join(t.TempDir(), "corp")
		kids := killed(t, dir, func(printed *bufio.Scanner) {
			for range rotations {
				printed.Scan()
			}
		})
		ring, err := token.Open(killedConfig(dir))
		if err != nil {
			t.Fatalf("after %d acts: %v", rotations, err)
		}
		known := fmt.Sprint(ring.Keys())
		for _, kid := range strings.Fields(kids) {
			if !strings.Contains(known, kid) {
				t.Errorf("after %d acts %s signed, but the folder knows %s", rotations, kid, known)
			}
		}
		if _, err := signedBy(issue(t, ring, pull()).Raw, ring.Bundle(), time.Now()); err != nil {
			t.Errorf("after %d acts: %v", rotations, err)
		}
		if err := knownBy(issue(t, ring, forV3()).Raw, ring.JWKS(), time.Now()); err != nil {
			t.Errorf("after %d acts: %v", rotations, err)
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
