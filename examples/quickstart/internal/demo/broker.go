package demo

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
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
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/shorepass")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the broker: %w\n%s", err, output)
	}
	return nil
}

// broker is the running broker process.
type broker struct {
	log   string
	end   context.CancelFunc
	ended chan struct{} // closed when the process is gone
	err   error         // how it ended; read it after ended
}

// startBroker runs the broker with the configuration in dir until [broker.stop].
func startBroker(ctx context.Context, binary, dir, log string) (*broker, error) {
	output, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	b := &broker{log: log, end: end, ended: make(chan struct{})}
	command := exec.CommandContext(ctx, binary, "serve", "--config", configFile)
	command.Dir = dir
	command.Stdout, command.Stderr = output, output
	command.SysProcAttr = processAttributes()
	command.Cancel = func() error { return interrupt(command.Process) }
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

// interrupt asks a process to end. Where there are no signals, it is ended.
func interrupt(p *os.Process) error {
	err := p.Signal(os.Interrupt)
	if err == nil || errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.Kill()
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
		if _, err := get(ctx, "http://"+monitorAddress+"/readyz"); err == nil {
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

// fetchCA writes the certificates that the registry is to trust into a file.
func fetchCA(ctx context.Context, file string) error {
	bundle, err := get(ctx, issuer+"/ca.pem")
	if err != nil {
		return fmt.Errorf("the broker's CA certificate: %w", err)
	}
	block, _ := pem.Decode(bundle)
	if block == nil {
		return errors.New("the broker's CA certificate is not PEM")
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return fmt.Errorf("the broker's CA certificate: %w", err)
	}
	return os.WriteFile(file, bundle, 0o600)
}

// get fetches a small document.
func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", url, response.Status, bytes.TrimSpace(body))
	}
	return body, nil
}
