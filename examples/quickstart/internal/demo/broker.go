package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

const (
	readyWithin = 30 * time.Second // making the first keys included
	stopWithin  = 10 * time.Second
	lastLines   = 20 // of its log, shown when the broker ends by itself
)

// buildBroker compiles the broker of the repository at root.
func buildBroker(ctx context.Context, root, binary string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "./cmd/shorepass")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the broker: %w\n%s", err, output)
	}
	return nil
}

// broker is the running broker process.
type broker struct {
	binary, config, log string

	end   context.CancelFunc
	ended chan struct{} // closed when the process is gone
	err   error         // how it ended; read it after ended
}

// startBroker runs the broker with a configuration until [broker.stop].
func startBroker(ctx context.Context, binary, config, log string) (*broker, error) {
	output, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	b := &broker{binary: binary, config: config, log: log, end: end, ended: make(chan struct{})}
	command := exec.CommandContext(ctx, binary, "serve", "--config", config)
	command.Stdout, command.Stderr = output, output
	command.SysProcAttr = processAttributes()
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = stopWithin

	started := make(chan error)
	go func() {
		// The kernel takes the end of the thread that started a process for the end
		// of its parent: the thread must stay.
		runtime.LockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			b.err = command.Wait()
			close(b.ended)
		}
		_ = output.Close()
	}()
	if err := <-started; err != nil {
		end()
		return nil, fmt.Errorf("starting the broker: %w", err)
	}
	return b, nil
}

// stop ends the process and waits until it is gone.
func (b *broker) stop() {
	b.end()
	<-b.ended
}

// failure says how the process ended, with the end of its log.
func (b *broker) failure() error {
	ending := "exit status 0"
	if b.err != nil {
		ending = b.err.Error()
	}
	log, err := os.ReadFile(b.log)
	if err != nil {
		return fmt.Errorf("the broker has ended by itself (%s): %w", ending, err)
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	lines = lines[max(0, len(lines)-lastLines):]
	return fmt.Errorf("the broker has ended by itself (%s). Its last words:\n%s", ending, strings.Join(lines, "\n"))
}

// awaitReady returns when the broker says that it is ready.
func (b *broker) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, errors.New("the broker is not ready; its log is "+b.log))
	defer cancel()
	for {
		if _, err := b.ask(ctx, "health"); err == nil {
			return nil
		}
		select {
		case <-b.ended:
			return b.failure()
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tokenAuth is what a registry is told of the broker, in the terms of its own
// configuration.
type tokenAuth struct {
	Realm   string `json:"realm"`
	Service string `json:"service"`
	Issuer  string `json:"issuer"`
}

// registryConfig returns what a registry needs to trust the broker, and writes the
// certificates into the file bundle.
func (b *broker) registryConfig(ctx context.Context, bundle string) (tokenAuth, error) {
	output, err := b.ask(ctx, "registry-config", "--for", "v3", "--json", "--bundle", bundle, "--write-bundle", bundle)
	if err != nil {
		return tokenAuth{}, err
	}
	var answer struct {
		Auth struct {
			Token tokenAuth `json:"token"`
		} `json:"auth"`
	}
	if err := json.Unmarshal(output, &answer); err != nil {
		return tokenAuth{}, fmt.Errorf("shorepass registry-config: %w", err)
	}
	return answer.Auth.Token, nil
}

// ask runs another command of the broker with the same configuration and returns
// what it prints.
func (b *broker) ask(ctx context.Context, command string, args ...string) ([]byte, error) {
	output, err := exec.CommandContext(ctx, b.binary, append([]string{command, "--config", b.config}, args...)...).Output()
	var exited *exec.ExitError
	if errors.As(err, &exited) {
		return nil, fmt.Errorf("shorepass %s: %s", command, strings.TrimSpace(string(exited.Stderr)))
	}
	return output, err
}
