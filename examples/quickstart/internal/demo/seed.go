package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/shorepass/shorepass/examples/quickstart/internal/registry"
)

// seeder is who pushes the first images.
const seeder = "alice"

// seed pushes the first images through the broker, as anybody would. Where an edited
// policy or directory does not allow it, the demo goes on without them.
func (d *demo) seed(ctx context.Context) error {
	password, known := d.tree.Password(seeder)
	for _, repository := range []string{"platform/hello", "public/hello"} {
		if !known {
			d.say("Not pushing %s: %s holds no password of %s in clear", repository, usersFile, seeder)
			continue
		}
		d.say("Pushing %s as %s", repository, seeder)
		if err := d.push(ctx, registry.Account{Username: seeder, Password: password}, repository); err != nil {
			return err
		}
	}
	return nil
}

// push pushes one image and tells what the broker said to it.
func (d *demo) push(ctx context.Context, who registry.Account, repository string) error {
	image, err := registry.NewImage("hello.txt", "Hello from "+repository+".\n")
	if err != nil {
		return err
	}
	refused := registry.Push(ctx, "http://"+registryAddress, who, repository, "latest", image)
	if refused != nil && !errors.Is(refused, registry.ErrRefused) {
		return fmt.Errorf("%w\nThe broker's log may say more: %s", refused, d.broker.log)
	}
	if err := d.narrator.Drain(); err != nil {
		return err
	}
	if refused != nil {
		d.say("          %s is not there now: %s and %s decide whether %s may push it", repository, policyFile, usersFile, who.Username)
	}
	return nil
}

// explain says what to type.
func (d *demo) explain(context.Context) error {
	d.say("%s", guide{
		binary: d.binary(), config: d.short.to(configFile), auth: d.auth, password: d.tree.Password,
	})
	return nil
}
