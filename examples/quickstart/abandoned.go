package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// untilAbandoned returns a context that also ends when the "go run" or the make that
// started the program is gone: "go run" dies of a SIGTERM without passing it on, and
// the demo must not stay behind and keep its ports.
func untilAbandoned(ctx context.Context) context.Context {
	parent := os.Getppid()
	switch programName(ctx, parent) {
	case "go", "make", "gmake":
	default:
		return ctx
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		for os.Getppid() == parent {
			select {
			case <-ctx.Done():
				return
			case <-time.After(250 * time.Millisecond):
			}
		}
	}()
	return ctx
}

// programName is the name of a running program, or empty where nothing tells.
func programName(ctx context.Context, pid int) string {
	id := strconv.Itoa(pid)
	name, err := os.ReadFile(filepath.Join("/proc", id, "comm"))
	if err != nil {
		name, err = exec.CommandContext(ctx, "ps", "-o", "comm=", "-p", id).Output()
	}
	if err != nil {
		return ""
	}
	return filepath.Base(strings.TrimSpace(string(name)))
}
