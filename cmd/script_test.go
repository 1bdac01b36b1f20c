package cmd_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/shorepass/shorepass/cmd"
	"github.com/shorepass/shorepass/internal/freeport"
)

var update = flag.Bool("update", false, "write the expected output anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"shorepass": func() { os.Exit(cmd.Main(nil)) },
	})
}

// TestScripts runs the program as its users do; see testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"LISTEN", "MONITOR", "LISTEN2", "MONITOR2"} {
				port, release, err := freeport.Hold()
				if err != nil {
					return err
				}
				env.Defer(release)
				env.Setenv(name, fmt.Sprint("127.0.0.1:", port))
			}
			examples, err := filepath.Abs("../examples")
			env.Setenv("EXAMPLES", examples)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"logs-in": logsIn,
			"hang-up": hangUp,
			"waitfor": waitFor,
		},
	})
}

// exits runs a command and wants an exit code: exits CODE PROGRAM ARG…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// logsIn asks for a token and wants a status: logs-in STATUS SERVICE USER PASSWORD
func logsIn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: logs-in STATUS SERVICE USER PASSWORD")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ts.Getenv("LISTEN")+"/token?service="+args[1], nil)
	ts.Check(err)
	r.SetBasicAuth(args[2], args[3])
	response, err := http.DefaultClient.Do(r)
	ts.Check(err)
	ts.Check(response.Body.Close())
	if got := strconv.Itoa(response.StatusCode); got != args[0] {
		ts.Fatalf("status %s, want %s", got, args[0])
	}
}

// hangUp sends SIGHUP to what runs in the background.
func hangUp(ts *testscript.TestScript, _ bool, _ []string) {
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(syscall.SIGHUP))
	}
}

// waitFor waits up to half a minute for an address to take connections.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, addr := range args {
		for {
			c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
			if err == nil {
				_ = c.Close()
				break
			}
			if ctx.Err() != nil {
				ts.Fatalf("nothing listens on %s: %v", addr, err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}
