package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/process"
)

// configFile is the broker's configuration.
const configFile = "shorepass.yaml"

// path is a file of the lab.
func (l *lab) path(names ...string) string {
	return filepath.Join(append([]string{l.dir}, names...)...)
}

func (l *lab) say(format string, args ...any) { fmt.Fprintf(l.out, format+"\n", args...) }

// lock makes the lab's folder if need be, and takes it until this process ends.
func (l *lab) lock() error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	var err error
	if l.held, err = os.OpenFile(l.path("lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	err = syscall.Flock(int(l.held.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a descriptor fits an int
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("a lab is running in %s: end it, or start another with ports and a folder of its own: make lab PORT=6020", l.dir)
	}
	return err
}

// log opens a log for appending, or returns it where it is open.
func (l *lab) log(name string) (*os.File, error) {
	if f, open := l.logs[name]; open {
		return f, nil
	}
	f, err := os.OpenFile(l.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		l.logs[name] = f
	}
	return f, err
}

// tail is the end of a log.
func (l *lab) tail(name string) string {
	content, err := os.ReadFile(l.path(name))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// writeConfig writes the configuration of examples/openldap for the lab's addresses,
// unless there is one: people edit it.
func (l *lab) writeConfig() error {
	public := "http://" + l.brokerAddr
	if there, err := os.ReadFile(l.path(configFile)); err == nil {
		if !strings.Contains(string(there), public) {
			return fmt.Errorf("%s does not have %q: it is for other ports; edit it, or remove it for a new one", l.path(configFile), public)
		}
		return nil
	}
	source := filepath.Join(l.root, "examples", "openldap")
	content, err := os.ReadFile(filepath.Join(source, configFile))
	if err != nil {
		return err
	}
	_, keys, _ := strings.Cut(string(content), "\nlisten:")
	config := "# The broker of the lab. Press Enter there after a change.\nlisten:" + strings.NewReplacer(
		"plain_http: true                       # TLS ends at the proxy in front\ntrusted_proxies: [192.0.2.10]          # its address, and no more: who has it is believed whatever client address he names\n", "", // there is none
		"0.0.0.0:5001", l.brokerAddr, "localhost:5002", l.monitorAddr, "https://login.corp.example", public,
		"ldap://ldap.corp.example:389", "ldap://"+l.ldap, "corp-ca.pem", "slapd/ca.pem").Replace(keys)
	files := map[string]string{configFile: config, "ldap-password": "service-password\n"}
	for _, name := range []string{"policy.yaml", "users.yaml"} {
		content, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return err
		}
		files[name] = string(content)
	}
	for name, content := range files {
		if err := os.WriteFile(l.path(name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// shorepass runs another command of the broker's program.
func (l *lab) shorepass(ctx context.Context, command string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, l.path("shorepass"), append([]string{command, "--config", l.path(configFile)}, args...)...).Output()
	var exited *exec.ExitError
	if errors.As(err, &exited) {
		err = fmt.Errorf("shorepass %s: %s", command, strings.TrimSpace(string(exited.Stderr)))
	}
	return string(out), err
}

// await waits until the process is ready.
func (l *lab) await(ctx context.Context, p *process.Process, ready func() bool) error {
	late := time.After(30 * time.Second)
	for !ready() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.Done():
			return errors.New(p.State())
		case <-late:
			return errors.New("it is not ready after 30 seconds")
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}
