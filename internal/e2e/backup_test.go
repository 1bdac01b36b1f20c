package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestBackup takes a backup while tokens are made, loses data_dir, and restores it: tokens
// sign in or stay revoked as they were, and a registry trusts what the restored keys sign
// without having been told anything.
func TestBackup(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.Serve(t)
	registry := stack.StartRegistry(t, k.Broker, stack.V3)
	kept, gone := k.mustMake(t, "alice", "kept"), k.mustMake(t, "alice", "gone")
	if status, text := k.ask(http.MethodDelete, "tokens/"+gone.ID, nil, nil); status != http.StatusOK {
		t.Fatalf("revoking: status %d: %s", status, text)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if made, status, text := k.make("bob", fmt.Sprint(i)); status != http.StatusCreated {
				t.Errorf("while a backup is taken: status %d: %s", status, text)
				return
			} else if status, text := k.ask(http.MethodDelete, "tokens/"+made.ID, nil, nil); status != http.StatusOK {
				t.Errorf("while a backup is taken: status %d: %s", status, text)
				return
			}
		}
	})
	var file string
	for i := range 5 {
		file = filepath.Join(k.Dir, fmt.Sprintf("backup-%d.tar", i))
		if r := k.Command(t, "", "backup", file); r.Code != 0 {
			t.Fatalf("backup: %s", r.Text())
		}
	}
	close(stop)
	wg.Wait()
	keys := k.Command(t, "", "keys", "list").Stdout
	if err := k.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = k.Wait(t, 10*time.Second)
	if err := os.RemoveAll(filepath.Join(k.Dir, "data")); err != nil {
		t.Fatal(err)
	}
	if r := k.Command(t, "", "restore", file); r.Code != 0 {
		t.Fatalf("restore: %s", r.Text())
	}
	k.Serve(t)
	k.reconnect()
	if after := k.Command(t, "", "keys", "list").Stdout; after != keys {
		t.Errorf("keys before\n%s\nafter\n%s", keys, after)
	}
	if a := k.login(t, gone.Secret); a.Status != http.StatusUnauthorized {
		t.Errorf("with a token that was revoked: status %d: %s", a.Status, a.Body)
	}
	a := k.login(t, kept.Secret)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+registry.Addr+"/v2/team/app/tags/list", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNotFound { // it lets us look, and there is nothing
		t.Errorf("the registry answers %d to a token of the restored keys", response.StatusCode)
	}
}

// backup takes a backup, in the mount namespace of the program.
func (k *keeper) backup(t *testing.T, file string) stack.Result {
	t.Helper()
	return stack.Run(t, nil, "", stack.Find(t, "nsenter"), "--mount", "--target", fmt.Sprint(k.PID()), program, "backup", "--config", k.Config, file)
}

// TestBackupWithoutRoom wants no file, and nothing left in data_dir, where there is no room
// for a backup or for the copy that it is made of.
func TestBackupWithoutRoom(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.within(t, "mkdir -m 700 $DATA $DIR/small; mount -t tmpfs -o size=1m,mode=700 none $DATA; mount -t tmpfs -o size=16k none $DIR/small; export TMPDIR=$DIR/small")
	k.mustMake(t, "alice", "ci")
	backup := func(file string) stack.Result { return k.backup(t, file) }
	empty := func(folder string) {
		t.Helper()
		k.inside(t, `test -z "$(ls -A `+folder+`)"`)
	}
	if r := backup(filepath.Join(k.Dir, "small", "x.tar")); r.Code != 1 || !strings.Contains(r.Stderr, "no backup was made") || !strings.Contains(r.Stderr, "no space left on device") {
		t.Errorf("where there is no room for it: exit %d: %s", r.Code, r.Text())
	}
	empty(filepath.Join(k.Dir, "small"))
	k.inside(t, `head -c 2m /dev/zero > $DATA/fill 2>/dev/null || true`)
	file := filepath.Join(k.Dir, "x.tar")
	if r := backup(file); r.Code != 1 || !strings.Contains(r.Stderr, "the disk is full") {
		t.Errorf("where there is no room for the copy: exit %d: %s", r.Code, r.Text())
	}
	if left, err := filepath.Glob(filepath.Join(k.Dir, "*x.tar*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	k.inside(t, `rm $DATA/fill; test ! -e $DATA/backup.new`)
	if r := backup(file); r.Code != 0 {
		t.Errorf("with room: %s", r.Text())
	}
}
