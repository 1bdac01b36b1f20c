package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestBackupOfAHungBroker wants a backup to end, and to leave nothing, while the program
// that serves neither answers nor ends; and a signal to end it sooner.
func TestBackupOfAHungBroker(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.Serve(t)
	k.Pause(t)
	defer k.Signal(syscall.SIGCONT)
	waiting := stack.Start(t, nil, program, "backup", "--config", k.Config, filepath.Join(k.Dir, "x.tar"))
	left := func() []string {
		found, err := filepath.Glob(filepath.Join(k.Dir, ".[a-z]*.tar.*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		ended := stack.Start(t, nil, program, "backup", "--config", k.Config, filepath.Join(k.Dir, "y.tar"))
		ended.WaitFor(t, "file that is written", 10*time.Second, func() bool { return len(left()) == 2 })
		if err := ended.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if code := ended.Wait(t, 10*time.Second); code != 1 {
			t.Errorf("after %s: exit code %d", signal, code)
		}
		if found := left(); len(found) != 1 {
			t.Errorf("after %s: left: %v", signal, found)
		}
	}
	if code := waiting.Wait(t, time.Minute); code != 1 || !strings.Contains(waiting.Output.String(), "no backup was made: a process works on data_dir, but it has sent nothing for 30s") {
		t.Errorf("exit code %d: %s", code, waiting.Output)
	}
	if found := left(); len(found) > 0 {
		t.Errorf("left: %v", found)
	}
}

// TestBackupOfAFullDisk takes a backup while nothing can be written to data_dir: the copy
// of the database is made among the temporary files.
func TestBackupOfAFullDisk(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.within(t, "mkdir -m 700 $DATA; mount -t tmpfs -o size=1m,mode=700 none $DATA")
	k.mustMake(t, "alice", "ci")
	k.inside(t, `head -c 2m /dev/zero > $DATA/fill 2>/dev/null || true`)
	file := filepath.Join(k.Dir, "x.tar")
	if r := k.backup(t, file); r.Code != 0 {
		t.Errorf("with a full data_dir: %s", r.Text())
	}
}

// TestBackupOfAReadOnlyDisk takes a backup while nothing serves, and nothing can be written
// to data_dir: neither the copy of the database nor a log beside it.
func TestBackupOfAReadOnlyDisk(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.Serve(t)
	k.mustMake(t, "alice", "ci")
	k.ended(t)
	file := filepath.Join(k.Dir, "x.tar")
	r := stack.Run(t, []string{"DATA=" + filepath.Join(k.Dir, "data")}, "", stack.Find(t, "unshare"), "--mount", "sh", "-ec",
		`mount --bind $DATA $DATA; mount -o remount,ro,bind $DATA; exec "$@"`, "sh", program, "backup", "--config", k.Config, file)
	if r.Code != 0 || !strings.Contains(r.Stdout, "the database (schema 1)") {
		t.Errorf("exit %d: %s", r.Code, r.Text())
	}
}

// TestFullDiskByDefault fills the file system of data_dir, on which the audit log is, too,
// unless it was put elsewhere: nothing goes on, and it is said why.
func TestFullDiskByDefault(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	content, err := os.ReadFile(k.Config)
	if err != nil {
		t.Fatal(err)
	}
	defaults := strings.Replace(string(content), "audit: {file: ./audit.jsonl}\n", "", 1)
	if err := os.WriteFile(k.Config, []byte(defaults), 0o600); err != nil || defaults == string(content) {
		t.Fatal(err)
	}
	k.within(t, "mkdir -m 700 $DATA; mount -t tmpfs -o size=1m,mode=700 none $DATA")
	made := k.mustMake(t, "alice", "ci")
	k.inside(t, `head -c 2m /dev/zero > $DATA/fill 2>/dev/null || true`)
	for i := 0; i < 200 && k.login(t, "password").Status == http.StatusOK; i++ { // until the room is used that the file has already
		continue
	}
	for what, password := range map[string]string{"a password": "password", "a token": made.Secret} {
		if a := k.login(t, password); a.Status != http.StatusInternalServerError {
			t.Errorf("with %s: status %d: %s", what, a.Status, a.Body)
		}
	}
	if status, text := k.ask(http.MethodGet, "tokens", nil, nil); status != http.StatusInternalServerError || !strings.Contains(text, "this could not be recorded in the audit log, and was not done") || !strings.Contains(text, "no space left on device") {
		t.Errorf("listing tokens: status %d: %s", status, text)
	}
	if log := k.Output.String(); !strings.Contains(log, "no space left on device") || !strings.Contains(log, "audit.jsonl") {
		t.Errorf("the log does not say why: %s", log)
	}
	k.inside(t, `rm $DATA/fill`)
	k.WaitFor(t, "recovery", 10*time.Second, func() bool { return k.login(t, made.Secret).Status == http.StatusOK })
}
