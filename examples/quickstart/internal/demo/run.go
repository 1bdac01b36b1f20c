package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/shorepass/shorepass/examples/quickstart/internal/directory"
	"github.com/shorepass/shorepass/examples/quickstart/internal/narrate"
	"github.com/shorepass/shorepass/examples/quickstart/internal/registry"
)

// Where the broker's neighbors listen, and the files that people may edit.
const (
	registryAddress  = "localhost:5000"
	directoryAddress = "localhost:1389"

	configFile = "shorepass.yaml"
	policyFile = "policy.yaml"
	usersFile  = "users.ldif"
)

// narrateEvery is how often the audit file is looked at.
const narrateEvery = 100 * time.Millisecond

// Options say where the demo runs.
type Options struct {
	Dir string    // the folder of the quick start within the repository; what a run leaves behind is in its data folder
	Out io.Writer // what people read
}

// Run runs the demo until the context ends, which is no error, or something fails.
// When it returns, all that it started has ended.
func Run(ctx context.Context, o Options) error {
	d, err := newDemo(o)
	if err != nil {
		return err
	}
	err = d.run(ctx)
	d.stop()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		fmt.Fprintln(d.out, "Ended.")
		return nil
	}
	return err
}

// demo is one run.
type demo struct {
	out  io.Writer
	dir  string // of the configuration
	root string // of the repository
	data string // what a run leaves behind

	short  shortcut // to dir, by which the broker reads its configuration
	listen listeners
	tree   *directory.Tree
	auth   tokenAuth

	directory *directory.Server
	broker    *broker
	registry  *registry.Server
	narrator  *narrate.Follower
}

func newDemo(o Options) (*demo, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	d := &demo{out: o.Out, dir: dir, root: filepath.Join(dir, "..", ".."), data: filepath.Join(dir, "data")}
	for _, needed := range []string{filepath.Join(dir, configFile), filepath.Join(d.root, "cmd", "shorepass")} {
		if _, err := os.Stat(needed); err != nil {
			return nil, fmt.Errorf("%s is not the quick start's folder in the repository: %w", dir, err)
		}
	}
	return d, nil
}

// run is the demo from its first step to its last.
func (d *demo) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		d.prepare, d.build, d.startDirectory, d.startBroker, d.startRegistry, d.seed, d.explain,
	} {
		if err := step(ctx); err != nil {
			return endOr(ctx, err)
		}
	}
	return d.narrate(ctx)
}

// prepare finds out whether there is room for the demo, before anything is started.
func (d *demo) prepare(ctx context.Context) (err error) {
	if d.listen, err = readListeners(d.config()); err != nil {
		return err
	}
	ports := []Port{{registryAddress, "the registry"}}
	ports = append(ports, d.listen.ports()...)
	ports = append(ports, Port{directoryAddress, "the LDAP directory"})
	if err := CheckPorts(ctx, ports, runtime.GOOS); err != nil {
		return err
	}
	if err := os.MkdirAll(d.data, 0o700); err != nil {
		return err
	}
	d.short, err = newShortcut(d.dir)
	return err
}

// endOr prefers the end of the context, which is what most errors come from once
// it has ended.
func endOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// config is the broker's configuration where people edit it.
func (d *demo) config() string { return filepath.Join(d.dir, configFile) }

// binary is the broker, kept so that it can be tried out by hand.
func (d *demo) binary() string { return filepath.Join(d.data, "shorepass") }

func (d *demo) build(ctx context.Context) error {
	d.say("Building the broker")
	return buildBroker(ctx, d.root, d.binary())
}

func (d *demo) startDirectory(ctx context.Context) (err error) {
	d.say("Starting an LDAP directory on %s with the people of users.ldif", directoryAddress)
	if d.tree, err = directory.Load(filepath.Join(d.dir, usersFile)); err != nil {
		return err
	}
	d.directory, err = directory.Start(ctx, directoryAddress, d.tree)
	return err
}

func (d *demo) startBroker(ctx context.Context) (err error) {
	d.say("Starting the broker on %s: shorepass serve --config %s", d.listen.Listen, configFile)
	d.narrator = narrate.NewFollower(filepath.Join(d.data, "audit.jsonl"), time.Local, d.out)
	d.broker, err = startBroker(ctx, d.binary(), d.short.to(configFile), filepath.Join(d.data, "shorepass.log"))
	if err != nil {
		return err
	}
	return d.broker.awaitReady(ctx)
}

func (d *demo) startRegistry(ctx context.Context) (err error) {
	d.say("Starting a registry on %s that trusts the broker's CA certificate", registryAddress)
	bundle := filepath.Join(d.data, "ca.pem")
	if d.auth, err = d.broker.registryConfig(ctx, bundle); err != nil {
		return err
	}
	d.registry, err = registry.Start(ctx, registry.Config{
		Address:        registryAddress,
		Realm:          d.auth.Realm,
		Service:        d.auth.Service,
		Issuer:         d.auth.Issuer,
		RootCertBundle: bundle,
		LogFile:        filepath.Join(d.data, "registry.log"),
	})
	return err
}

// narrate tells of every attempt until the end.
func (d *demo) narrate(ctx context.Context) error {
	tick := time.NewTicker(narrateEvery)
	defer tick.Stop()
	for {
		if err := d.narrator.Drain(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.broker.ended:
			return d.broker.failure()
		case err := <-d.registry.Failed():
			return err
		case err := <-d.directory.Failed():
			return err
		case <-tick.C:
		}
	}
}

// stop ends what was started, the directory after its client.
func (d *demo) stop() {
	if d.registry != nil {
		d.registry.Stop()
	}
	if d.broker != nil {
		d.broker.stop()
	}
	if d.directory != nil {
		d.directory.Stop()
	}
	d.short.remove()
}
