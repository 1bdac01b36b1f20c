package strictyaml_test

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/strictyaml"
)

// TestSpecialFiles names what is no regular file: a pipe that nobody writes to must
// not block, and an endless device must not fill the memory.
func TestSpecialFiles(t *testing.T) {
	folder := t.TempDir()
	pipe := filepath.Join(folder, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, path := range []string{pipe, "/dev/zero"} {
			wantProblems(t, strictyaml.DecodeFile(path, &person{}), path+": is not a regular file")
			err := strictyaml.Decode("/f", []byte("secret: {file: "+path+"}"), &vault{})
			wantProblems(t, err, "/f:1:16: the secret's file is not a regular file")
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("still reading")
	}
}
