package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// holdDatabase has another program open the database and run these statements; it keeps it
// open until leave is called.
func holdDatabase(t *testing.T, path, statements string) (leave func()) {
	t.Helper()
	c := exec.Command(stack.Find(t, "sqlite3"), path)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out stack.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	leave = func() {
		_ = in.Close()
		_ = c.Wait()
	}
	t.Cleanup(leave)
	if _, err := io.WriteString(in, statements+"\nSELECT 'held';\n"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(out.String(), "held"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("sqlite3: %s", &out)
		}
	}
	return leave
}

// ended ends the program, as an operator does.
func (k *keeper) ended(t *testing.T) {
	t.Helper()
	if err := k.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := k.Wait(t, 30*time.Second); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestDatabaseOutages breaks the database under the running program in every way: what
// needs it is answered with 503 and a line in the log, all else goes on, and it works again
// within ten seconds without a restart.
func TestDatabaseOutages(t *testing.T) {
	t.Parallel()
	garbage := bytes.Repeat([]byte("this was a database once\n"), 10_000)
	for _, tt := range []struct {
		name  string
		start string // what is mounted
		fail  func(t *testing.T, k *keeper) (mend func())
		log   string
		reads bool // tokens that nobody has used yet still sign in
	}{
		{"locked", "", func(t *testing.T, k *keeper) func() {
			t.Helper()
			return holdDatabase(t, k.database(), "BEGIN EXCLUSIVE;")
		}, "is locked by another process: end the program that has it open", true},
		{"full", "mount -t tmpfs -o size=1m,mode=700 none $DATA", func(t *testing.T, k *keeper) func() {
			t.Helper()
			k.inside(t, `head -c 2m /dev/zero > $DATA/fill 2>/dev/null || true`)
			for i := range 90 { // until the room is used that the files have already
				if _, status, _ := k.make("bob", fmt.Sprint(i)); status != http.StatusCreated {
					break
				}
			}
			return func() { k.inside(t, `rm $DATA/fill`) }
		}, "cannot grow: the disk is full: make room on it", true},
		{"damaged", "", func(t *testing.T, k *keeper) func() {
			t.Helper()
			whole := overwrite(t, k.database(), garbage)
			k.make("alice", "lost") // what is remembered of the file is worth nothing then
			k.unready(t)
			return func() { overwrite(t, k.database(), whole) }
		}, "is damaged: stop shorepass, move the file", false},
		{"removed", "", func(t *testing.T, k *keeper) func() {
			t.Helper()
			away := k.database() + ".away"
			if err := os.Rename(k.database(), away); err != nil {
				t.Fatal(err)
			}
			return func() {
				if err := os.Rename(away, k.database()); err != nil {
					t.Error(err)
				}
			}
		}, "is gone, or another file is in its place: put it back", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t)
			k.within(t, "mkdir -m 700 $DATA\n"+tt.start)
			used, unused := k.mustMake(t, "alice", "used"), k.mustMake(t, "alice", "unused")
			if a := k.login(t, used.Secret); a.Status != http.StatusOK {
				t.Fatalf("before: status %d: %s", a.Status, a.Body)
			}
			mend := tt.fail(t, k)
			begun := time.Now()
			if _, status, text := k.make("alice", "meanwhile"); status != http.StatusServiceUnavailable || time.Since(begun) > 5*time.Second {
				t.Errorf("making a token: status %d after %s: %s", status, time.Since(begun), text)
			}
			k.unready(t)
			k.remains(t)
			switch a := k.login(t, unused.Secret); {
			case tt.reads && a.Status != http.StatusOK:
				t.Errorf("with a token that is read: status %d: %s", a.Status, a.Body)
			case !tt.reads && (a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.Took > 5*time.Second):
				t.Errorf("with a token that cannot be read: status %d after %s: %s", a.Status, a.Took, a.Body)
			case !tt.reads && !strings.Contains(k.Output.String(), tt.log):
				t.Errorf("the log has no %q", tt.log)
			}
			if a := k.login(t, used.Secret); tt.reads && a.Status != http.StatusOK {
				t.Errorf("with a token that was used before: status %d: %s", a.Status, a.Body)
			}
			mend()
			k.works(t, unused.Secret)
			k.ended(t)
		})
	}
}

// TestDatabaseOutagesAtStart starts the program while the database cannot be used: it
// serves what needs none, says what is wrong, and recovers likewise.
func TestDatabaseOutagesAtStart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		start string
		fail  func(t *testing.T, k *keeper) (mend func(*keeper))
		log   string
	}{
		{"locked", "", func(t *testing.T, k *keeper) func(*keeper) {
			t.Helper()
			leave := holdDatabase(t, k.database(), "PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE;")
			return func(*keeper) { leave() }
		}, "is locked by another process"},
		{"read-only", "mount --bind $DATA $DATA; mount -o remount,ro,bind $DATA", func(t *testing.T, _ *keeper) func(*keeper) {
			t.Helper()
			return func(k *keeper) { k.inside(t, "mount -o remount,rw,bind $DATA") }
		}, "cannot be written to: it, its folder or its file system is read-only"},
		{"full", "cp -a $DATA $DIR/saved; mount -t tmpfs -o size=1m,mode=700 none $DATA; cp -a $DIR/saved/. $DATA; head -c 2m /dev/zero > $DATA/fill 2>/dev/null || true", func(t *testing.T, _ *keeper) func(*keeper) {
			t.Helper()
			return func(k *keeper) { k.inside(t, "rm $DATA/fill") }
		}, "cannot grow: the disk is full"},
		{"damaged", "", func(t *testing.T, k *keeper) func(*keeper) {
			t.Helper()
			whole := overwrite(t, k.database(), []byte("this was a database once"))
			return func(k *keeper) { overwrite(t, k.database(), whole) }
		}, "is damaged"},
		{"empty", "", func(t *testing.T, k *keeper) func(*keeper) {
			t.Helper()
			whole := overwrite(t, k.database(), nil)
			return func(k *keeper) { overwrite(t, k.database(), whole) }
		}, "is damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t)
			k.Serve(t)
			made := k.mustMake(t, "alice", "before")
			k.ended(t)
			mend := tt.fail(t, k)
			k.within(t, tt.start)
			k.unready(t)
			k.remains(t)
			if a := k.login(t, made.Secret); a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.Took > 5*time.Second {
				t.Errorf("with a token: status %d after %s: %s", a.Status, a.Took, a.Body)
			}
			if log := k.Output.String(); !strings.Contains(log, "access tokens are answered with 503 until the database can be used") || !strings.Contains(log, tt.log) {
				t.Errorf("the log has no %q", tt.log)
			}
			mend(k)
			k.works(t, made.Secret)
			k.ended(t)
		})
	}
}
