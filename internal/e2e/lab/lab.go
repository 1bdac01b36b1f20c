package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/process"
	"github.com/shorepass/shorepass/internal/e2e/slapd"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// lab is one run.
type lab struct {
	out       io.Writer
	root, dir string // of the repository, of the lab's own files
	addresses
	held *os.File // the lock of the folder

	directory        *slapd.Server
	broker, registry *process.Process // nil before they were started
	logs             map[string]*os.File
}

func newLab(root, dir string, port int, out io.Writer) (*lab, error) {
	l := &lab{out: out, addresses: newAddresses(port), logs: map[string]*os.File{}}
	var err error
	if l.root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	if l.dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(l.root, "cmd", "shorepass")); err != nil {
		return nil, fmt.Errorf("%s is not the repository: name it with -root: %w", l.root, err)
	}
	return l, nil
}

// run is the lab from its first step to its last. When it returns, all that it
// started has ended.
func (l *lab) run(ctx context.Context, enter <-chan struct{}) (err error) {
	steps := &rig{ctx: ctx}
	defer func() { err = errors.Join(err, l.stop(), steps.close()) }() // clients before what they ask
	for _, step := range []func(context.Context, *rig) error{l.prepare, l.startDirectory, l.build, l.startBroker, l.startRegistry} {
		if err := step(ctx, steps); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
	}
	fmt.Fprint(l.out, l.guide())
	return l.watch(ctx, steps, enter)
}

// watch waits for the end, and restarts the broker at every Enter.
func (l *lab) watch(ctx context.Context, steps *rig, enter <-chan struct{}) error {
	brokerEnded := l.broker.Done()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.directory.Done():
			return errors.New("slapd has ended by itself; its log is " + l.path("slapd.log"))
		case <-l.registry.Done():
			return errors.New("the registry has ended by itself; its log is " + l.path("registry.log"))
		case <-brokerEnded:
			brokerEnded = nil
			l.say("The broker has ended by itself (%s); its log is %s. Enter starts it again.", l.broker.State(), l.path("broker.log"))
		case <-enter:
			if err := l.restartBroker(ctx, steps); err != nil && ctx.Err() == nil {
				l.say("%v\nMend it, and press Enter.", err)
			}
			brokerEnded = l.broker.Done()
			if l.broker.Ended() {
				brokerEnded = nil // which was said
			}
		}
	}
}

// prepare makes room, once it is known that nobody is in it.
func (l *lab) prepare(ctx context.Context, _ *rig) error {
	if err := l.lock(); err != nil {
		return err
	}
	if err := l.check(ctx); err != nil {
		return err
	}
	if err := l.writeConfig(); err != nil {
		return err
	}
	// The directory is made anew, with the certificates that the broker is to trust.
	return os.RemoveAll(l.path("slapd"))
}

func (l *lab) startDirectory(_ context.Context, steps *rig) error {
	l.say("Starting slapd")
	log, err := l.log("slapd.log")
	if err != nil {
		return err
	}
	entries, err := os.ReadFile(filepath.Join(l.root, "examples", "openldap", "directory.ldif"))
	if err != nil {
		return err
	}
	corp := l.path("slapd", "corp")
	if err := os.MkdirAll(corp, 0o700); err != nil {
		return err
	}
	return steps.do(l.path("slapd"), func(r *rig) {
		l.directory = slapd.Start(r, slapd.Options{
			Plain: l.ldap, TLS: l.ldaps, Valid: 30 * 24 * time.Hour, Output: log,
			Config: slapd.Database("dc=corp,dc=example", corp), LDIF: string(entries),
		})
	})
}

func (l *lab) build(context.Context, *rig) error {
	l.say("Building the broker")
	_, err := stack.Build(l.root, l.dir)
	return err
}

func (l *lab) startBroker(ctx context.Context, _ *rig) error {
	l.say("Starting the broker")
	log, err := l.log("broker.log")
	if err != nil {
		return err
	}
	started, err := process.Start(log, nil, l.path("shorepass"), "serve", "--config", l.path(configFile))
	if err != nil {
		return err
	}
	l.broker = started
	err = l.await(ctx, l.broker, func() bool {
		_, err := l.shorepass(ctx, "health")
		return err == nil
	})
	if err != nil {
		return fmt.Errorf("the broker does not come up: %w. The end of its log, %s:\n%s", err, l.path("broker.log"), l.tail("broker.log"))
	}
	return nil
}

// restartBroker builds first: what does not compile leaves the broker alone.
func (l *lab) restartBroker(ctx context.Context, steps *rig) error {
	if err := l.build(ctx, steps); err != nil {
		return err
	}
	if err := l.broker.Stop(os.Interrupt, 30*time.Second); err != nil {
		return err
	}
	if err := l.startBroker(ctx, steps); err != nil {
		return err
	}
	l.say("The broker is back.")
	return nil
}

func (l *lab) startRegistry(ctx context.Context, _ *rig) error {
	l.say("Starting the registry")
	log, err := l.log("registry.log")
	if err != nil {
		return err
	}
	bundle := l.path("shorepass-ca.pem")
	auth, err := l.shorepass(ctx, "registry-config", "--for", "v3", "--bundle", bundle, "--write-bundle", bundle)
	if err != nil {
		return err
	}
	config := strings.NewReplacer("{{addr}}", l.registryAddr, "{{root}}", l.path("images")).Replace(stack.RegistryConfig) + auth
	if err := os.WriteFile(l.path("registry.yml"), []byte(config), 0o600); err != nil {
		return err
	}
	if l.registry, err = process.Start(log, []string{"OTEL_TRACES_EXPORTER=none"}, "registry", "serve", l.path("registry.yml")); err != nil {
		return err
	}
	if err := l.await(ctx, l.registry, func() bool { return answers(ctx, l.registryAddr) }); err != nil {
		return fmt.Errorf("the registry does not come up: %w. The end of its log, %s:\n%s", err, l.path("registry.log"), l.tail("registry.log"))
	}
	return nil
}

// stop ends the registry and the broker.
func (l *lab) stop() error {
	var errs []error
	for _, p := range []*process.Process{l.registry, l.broker} {
		if p != nil {
			errs = append(errs, p.Stop(syscall.SIGINT, 30*time.Second))
		}
	}
	for _, log := range l.logs {
		errs = append(errs, log.Close())
	}
	return errors.Join(errs...)
}
