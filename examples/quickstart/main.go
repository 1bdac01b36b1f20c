// Command quickstart shows Shorepass at work on a machine that has Go and nothing
// else: the broker as it is, with a registry and an LDAP directory beside it.
//
//	cd examples/quickstart && go run .
//
// It says what to type, tells of each attempt what was granted and what refused, and
// ends everything at Ctrl-C.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/shorepass/shorepass/examples/quickstart/internal/demo"
)

func main() { os.Exit(run()) }

func run() int {
	dir := flag.String("dir", sourceDir(), "the `folder` of the quick start in the repository")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "quickstart: unexpected argument %q\n", flag.Arg(0))
		flag.Usage()
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := demo.Run(untilAbandoned(ctx), demo.Options{Dir: *dir, Out: os.Stdout}); err != nil {
		fmt.Fprintf(os.Stderr, "quickstart: %v\n", err)
		return 1
	}
	return 0
}

// sourceDir is where this file was compiled, so that the demo runs from any working
// directory; where the compiler was told to forget it, the working directory.
func sourceDir() string {
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		return filepath.Dir(file)
	}
	return "."
}
