package audit_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/internal/audit"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("AUDIT_CRASH"); path != "" {
		crash(path)
	}
	goleak.VerifyTestMain(m)
}

// crash records, says so, and dies without closing anything.
func crash(path string) {
	log, err := audit.Open(path, time.Hour, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	for i := range 100 {
		if err := log.Record(nil, broker.Entry{RequestID: fmt.Sprint(i)}); err != nil { //nolint:staticcheck // the context is not used
			panic(err)
		}
	}
	self, _ := os.FindProcess(os.Getpid())
	_ = self.Kill()
	select {}
}

func open(t *testing.T, path string, every time.Duration) *audit.Log {
	t.Helper()
	log, err := audit.Open(path, every, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// lines reads the file as JSON lines; each must be one whole object.
func lines(t *testing.T, path string) []broker.Entry {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var entries []broker.Entry
	s := bufio.NewScanner(bytes.NewReader(content))
	for s.Scan() {
		var e broker.Entry
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			t.Fatalf("line %q: %v", s.Text(), err)
		}
		entries = append(entries, e)
	}
	return entries
}

func TestRecord(t *testing.T) {
	for _, every := range []time.Duration{0, 5 * time.Millisecond, time.Hour} {
		t.Run(every.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			log := open(t, path, every)
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					e := broker.Entry{RequestID: fmt.Sprint(i), Username: "new\nline \u2028 \x00 \xff"}
					if err := log.Record(t.Context(), e); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			// With the kernel before Record returns: another descriptor sees it.
			got := lines(t, path)
			if len(got) != 50 || !strings.HasPrefix(got[0].Username, "new\nline") {
				t.Errorf("%d lines, the first %+v", len(got), got[0])
			}
			if err := log.Close(); err != nil {
				t.Error(err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
		})
	}
}

func TestAppendsAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	for i := range 3 {
		log := open(t, path, time.Second)
		if err := log.Record(t.Context(), broker.Entry{RequestID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := lines(t, path); len(got) != 3 || got[2].RequestID != "2" {
		t.Errorf("lines %+v", got)
	}
}

func TestHalfALineSpoilsNoOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.WriteFile(path, []byte(`{"request_id":"0"}`+"\n"+`{"request_`), 0o600); err != nil {
		t.Fatal(err)
	}
	log := open(t, path, time.Second)
	if err := log.Record(t.Context(), broker.Entry{RequestID: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(string(content)), "\n")
	if len(got) != 3 || got[1] != `{"request_` || !strings.Contains(got[2], `"request_id":"1"`) {
		t.Errorf("lines %q", got)
	}
}

func TestKillLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), "AUDIT_CRASH="+path)
	if out, err := child.CombinedOutput(); err == nil || len(out) > 0 {
		t.Fatalf("the child ended with %v: %s", err, out)
	}
	if got := lines(t, path); len(got) != 100 {
		t.Errorf("%d of 100 lines are left", len(got))
	}
}

func TestAFullDiskFails(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Fatal("this test needs /dev/full, which Linux has")
	}
	log := open(t, "/dev/full", time.Hour)
	err := log.Record(t.Context(), broker.Entry{})
	if err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("error %v", err)
	}
	_ = log.Close()
}

func TestAPipeThatNobodyReadsFails(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	log := audit.To(w)
	started := time.Now()
	var wg sync.WaitGroup
	var failed atomic.Int64
	for range 200 { // far more than a pipe holds
		wg.Go(func() {
			if log.Record(t.Context(), broker.Entry{Asked: []string{strings.Repeat("x", 4096)}}) != nil {
				failed.Add(1)
			}
		})
	}
	wg.Wait()
	if took := time.Since(started); failed.Load() == 0 || took > 4*time.Second {
		t.Errorf("%d of 200 failed after %s", failed.Load(), took)
	}
	closing := time.Now()
	_ = log.Close() // what is still stuck is given up
	if took := time.Since(closing); took > 3*time.Second {
		t.Errorf("Close takes %s", took)
	}
	_ = r.Close()
	_ = w.Close()
}

// A write that hangs, as to a file system that does, gives up by no deadline.
func TestAWriteThatHangsKeepsNothingWaiting(t *testing.T) {
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil { // which blocks, unlike one of os.Pipe
		t.Fatal(err)
	}
	w := os.NewFile(uintptr(ends[1]), "pipe")
	log := audit.To(w)
	e := broker.Entry{Asked: []string{strings.Repeat("x", 32<<10)}}
	for i := 0; log.Record(t.Context(), e) == nil; i++ {
		if i > 100 {
			t.Fatal("the pipe never fills")
		}
	}
	started := time.Now()
	for range 10 {
		if log.Record(t.Context(), e) == nil {
			t.Error("a line is recorded behind one that hangs")
		}
	}
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("ten more lines waited %s", took)
	}
	if err := syscall.Close(ends[0]); err != nil { // ends the write
		t.Fatal(err)
	}
	_ = log.Close()
	_ = w.Close()
}

func TestAStuckPipeGivesWayToAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	log := open(t, path, time.Second)
	full := func() bool {
		return log.Record(t.Context(), broker.Entry{Asked: []string{strings.Repeat("x", 32<<10)}}) != nil
	}
	for i := 0; !full(); i++ {
		if i > 100 {
			t.Fatal("the pipe never fills")
		}
	}
	if log.Check(t.Context()) == nil {
		t.Error("Check says that all is well")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for log.Record(t.Context(), broker.Entry{RequestID: "after"}) != nil {
		if time.Now().After(deadline) {
			t.Fatal("no file takes the pipe's place")
		}
	}
	if got := lines(t, path); got[len(got)-1].RequestID != "after" {
		t.Errorf("lines %+v", got)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}

func TestARotatedFileIsFollowed(t *testing.T) {
	for name, rotate := range map[string]func(path string) error{
		"moved":   func(path string) error { return os.Rename(path, path+".1") },
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			log := open(t, path, time.Millisecond)
			for i := range 3 {
				if err := log.Record(t.Context(), broker.Entry{RequestID: fmt.Sprint(i)}); err != nil {
					t.Fatal(err)
				}
				if got := lines(t, path); got[len(got)-1].RequestID != fmt.Sprint(i) {
					t.Errorf("line %d is not at the path", i)
				}
				time.Sleep(3 * time.Millisecond)
				if err := rotate(path); err != nil {
					t.Fatal(err)
				}
			}
			if err := log.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	_, err := audit.Open(filepath.Join(t.TempDir(), "none", "audit.jsonl"), time.Second, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "audit: open ") {
		t.Errorf("error %v", err)
	}
}

func TestToWritesAtOnce(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	log := audit.To(w)
	if err := log.Record(t.Context(), broker.Entry{RequestID: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close took the file with it: %v", err)
	}
	if content, err := io.ReadAll(r); err != nil || !strings.HasSuffix(string(content), "}\n") {
		t.Errorf("read %q, %v", content, err)
	}
}

func BenchmarkRecord(b *testing.B) {
	for _, every := range []time.Duration{0, time.Second} {
		b.Run("sync="+every.String(), func(b *testing.B) {
			log, err := audit.Open(filepath.Join(b.TempDir(), "audit.jsonl"), every, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer log.Close()
			e := broker.Entry{RequestID: "1", Groups: []string{"directory:platform"}, Asked: []string{"repository:platform/app:pull"}}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := log.Record(b.Context(), e); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
