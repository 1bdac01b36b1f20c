package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

func run() int {
	root := flag.String("root", ".", "the `folder` of the repository")
	dir := flag.String("dir", "data/lab", "the lab's own `folder`")
	port := flag.Int("port", 5020, "the first of five `ports`")
	flag.Parse()
	if flag.NArg() > 0 || *port < 1 || *port > 65531 {
		fmt.Fprintln(os.Stderr, "lab: it takes no arguments, and a port from 1 to 65531")
		flag.Usage()
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	l, err := newLab(*root, *dir, *port, os.Stdout)
	if err == nil {
		err = l.run(ctx, lines(os.Stdin))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "lab: %v\n", err)
		return 1
	}
	fmt.Println("Ended.")
	return 0
}

// lines sends for every line that is typed; the channel is silent once there is
// nothing more to read.
func lines(r io.Reader) <-chan struct{} {
	typed := make(chan struct{})
	go func() {
		for s := bufio.NewScanner(r); s.Scan(); {
			typed <- struct{}{}
		}
	}()
	return typed
}
