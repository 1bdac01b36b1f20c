package e2e_test

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// What strace says of a file or folder that is written to the disk, and of one that is given
// a name.
var (
	synced = regexp.MustCompile(`fsync\(\d+<([^>]*)>`)
	named  = regexp.MustCompile(`(?:rename|link)at\(AT_FDCWD(?:<[^>]*>)?, "([^"]*)", AT_FDCWD(?:<[^>]*>)?, "([^"]*)"`)
	random = regexp.MustCompile(`[0-9]{5,}`)
)

// TestWaitsForTheDisk holds that what gets its name was on the disk before, and that the name
// is when the command ends: else a loss of power would leave a file that is empty, or none.
func TestWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.Serve(t)
	k.mustMake(t, "alice", "ci")
	k.ended(t)
	file := filepath.Join(k.Dir, "x.tar")
	k.wantsOnDisk(t, []string{"backup", file},
		"sync .x.tar.N", "name .x.tar.N x.tar", "sync .")
	if err := os.Rename(filepath.Join(k.Dir, "data"), filepath.Join(k.Dir, "old")); err != nil {
		t.Fatal(err)
	}
	k.wantsOnDisk(t, []string{"restore", file},
		"sync data/restore.new/shorepass.db",
		"sync data/restore.new/keys/team/ca-key.pem", "sync data/restore.new/keys/team/jwks-key.pem", "sync data/restore.new/keys/team/leaf-key.pem",
		"sync data/restore.new/manifest.json",
		"sync data/restore.new", "sync data/restore.new/keys", "sync data/restore.new/keys/team",
		"name data/restore.new data/restore.ready", "sync data",
		"name data/restore.ready/shorepass.db data/shorepass.db", "name data/restore.ready/keys data/keys", "sync data",
		"name data/restore.ready data/restore.done", "sync data")
	k.wantsOnDisk(t, []string{"keys", "rotate"},
		"sync data/keys/team/leaf-key.pem.new", "name data/keys/team/leaf-key.pem.new data/keys/team/leaf-key.pem", "sync data/keys/team")
}

// wantsOnDisk runs a command and wants these steps of it, in this order. What SQLite does to its
// files, and the audit log, have tests of their own.
func (k *keeper) wantsOnDisk(t *testing.T, command []string, want ...string) {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	args := append([]string{"-f", "-y", "-e", "trace=fsync,renameat,linkat", "-o", trace, program}, command...)
	if r := stack.Run(t, nil, "", stack.Find(t, "strace"), append(args, "--config", k.Config)...); r.Code != 0 {
		t.Fatalf("%s: %s", command[0], r.Text())
	}
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	short := func(name string) string {
		name = strings.TrimPrefix(strings.TrimPrefix(name, k.Dir), "/")
		return random.ReplaceAllString(name, "N")
	}
	var got []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if m := named.FindStringSubmatch(lines.Text()); m != nil {
			got = append(got, "name "+short(m[1])+" "+short(m[2]))
		} else if m := synced.FindStringSubmatch(lines.Text()); m != nil {
			if name := short(m[1]); name == "" {
				got = append(got, "sync .")
			} else if !strings.Contains(name, "backup.new") && !strings.HasPrefix(name, "data/shorepass.db") && filepath.Base(name) != "audit.jsonl" {
				got = append(got, "sync "+name)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", strings.Join(command, " "), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
