package cmd_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestUnansweredCreation holds that whoever gets no answer over the admin socket is told
// that there may be a token, and whoever has asked nobody is not.
func TestUnansweredCreation(t *testing.T) {
	t.Parallel()
	config := realmWithTokens(t)
	data := filepath.Join(filepath.Dir(config), "data")
	if code, _, messages := create(t, config, "first"); code != 0 {
		t.Fatal(messages)
	}
	hold(t, data)
	l, err := net.Listen("unix", filepath.Join(data, "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	for name, answer := range map[string]string{
		"the process ends":     "",
		"half of an answer":    "HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{",
		"what refuses answers": "HTTP/1.1 409 Conflict\r\nContent-Length: 19\r\n\r\n{\"details\":\"taken\"}",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err == nil && r.Method == http.MethodPost { // no look at whether anybody answers
					_, _ = io.Copy(io.Discard, r.Body) // what is left unread breaks the answer off
					_, _ = c.Write([]byte(answer))
				}
				_ = c.Close()
				if err == nil {
					return
				}
			}
		}()
		code, out, messages := run(ctx, "token", "create", "--config", config, "--owner", "local:alice", "--name", "ci", "--scope", "repository:**:pull")
		cancel()
		told := strings.Contains(messages, "a token may have been made all the same")
		if code != 1 || out != "" || told != (!strings.Contains(answer, "409")) {
			t.Errorf("%s: exit code %d, %q: %s", name, code, out, messages)
		}
	}
}
