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

// Where everything listens. The broker's part of it, its realm and its service are
// what shorepass.yaml says.
const (
	registryAddress  = "localhost:5000"
	brokerAddress    = "localhost:5001"
	monitorAddress   = "localhost:5002"
	directoryAddress = "localhost:1389"

	issuer  = "http://" + brokerAddress + "/realms/demo"
	service = "registry.localhost"

	configFile = "shorepass.yaml"
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
	ports := []Port{
		{registryAddress, "the registry"},
		{brokerAddress, "the broker"},
		{monitorAddress, "the broker's monitor"},
		{directoryAddress, "the LDAP directory"},
	}
	if err := CheckPorts(ctx, ports, runtime.GOOS); err != nil {
		return err
	}
	if err := os.MkdirAll(d.data, 0o700); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		d.build, d.startDirectory, d.startBroker, d.startRegistry, d.seed, d.explain,
	} {
		if err := step(ctx); err != nil {
			return endOr(ctx, err)
		}
	}
	return d.narrate(ctx)
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

// binary is the broker, kept so that it can be tried out by hand.
func (d *demo) binary() string {
	name := "shorepass"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(d.data, name)
}

func (d *demo) build(ctx context.Context) error {
	d.say("Building the broker (the first time takes a minute)")
	return buildBroker(ctx, d.root, d.binary())
}

func (d *demo) startDirectory(ctx context.Context) error {
	d.say("Starting an LDAP directory on %s with the people of users.ldif", directoryAddress)
	tree, err := directory.Load(filepath.Join(d.dir, usersFile))
	if err != nil {
		return err
	}
	d.directory, err = directory.Start(ctx, directoryAddress, tree)
	return err
}

func (d *demo) startBroker(ctx context.Context) (err error) {
	d.say("Starting the broker on %s: shorepass serve --config %s", brokerAddress, configFile)
	d.narrator = narrate.NewFollower(filepath.Join(d.data, "audit.jsonl"), time.Local, d.out)
	d.broker, err = startBroker(ctx, d.binary(), d.dir, filepath.Join(d.data, "shorepass.log"))
	if err != nil {
		return err
	}
	return d.broker.awaitReady(ctx)
}

func (d *demo) startRegistry(ctx context.Context) (err error) {
	d.say("Starting a registry on %s that trusts the broker's CA certificate", registryAddress)
	bundle := filepath.Join(d.data, "ca.pem")
	if err := fetchCA(ctx, bundle); err != nil {
		return err
	}
	d.registry, err = registry.Start(ctx, registry.Config{
		Address:        registryAddress,
		Realm:          "http://" + brokerAddress + "/token",
		Service:        service,
		Issuer:         issuer,
		RootCertBundle: bundle,
		LogFile:        filepath.Join(d.data, "registry.log"),
	})
	return err
}

// seed pushes the first images as alice, through the broker.
func (d *demo) seed(ctx context.Context) error {
	alice := registry.Account{Username: "alice", Password: "alice-password"}
	for _, repository := range []string{"platform/hello", "public/hello"} {
		d.say("Pushing %s as alice", repository)
		image, err := registry.NewImage("hello.txt", "Hello from "+repository+".\n")
		if err != nil {
			return err
		}
		if err := registry.Push(ctx, "http://"+registryAddress, alice, repository, "latest", image); err != nil {
			return err
		}
		if err := d.narrator.Drain(); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) explain(context.Context) error {
	d.say("%s", guide(d.binary(), filepath.Join(d.dir, configFile)))
	return nil
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
}
