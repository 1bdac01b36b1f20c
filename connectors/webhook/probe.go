package webhook

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/reach"
)

// Probe asks the endpoint which actions it answers, and compares them with those that the
// configuration has it asked; then it sees whether the endpoint looks at signatures at all.
// An endpoint that answers no probe shows by that alone that it is reached.
func (d *Directory) Probe(ctx context.Context) error {
	a, err := d.probe(ctx)
	if err != nil {
		return err
	}
	d.probeSignature(ctx, a.Result)
	return nil
}

// probe asks for the actions, in a step.
func (d *Directory) probe(ctx context.Context) (answer, error) {
	finish := connectors.StartStep(ctx, actionProbe)
	a, err := d.endpoint.ask(ctx, d.probing())
	if err == nil && a.Result == resultReady {
		err = d.missing(a.Actions)
	}
	if finish != nil {
		s := connectors.Step{Detail: d.endpoint.shown}
		switch {
		case err != nil:
			s.Fix, s.Err = reach.Told(err)
		case a.Result == resultUnsupported:
			s.Detail += ": answers, and has no probe by which to say more"
		default:
			s.Detail += ": answers " + connectors.Listed(a.Actions)
		}
		finish(s)
	}
	return a, d.placed(err)
}

// missing fails where the endpoint does not answer all that it is asked.
func (d *Directory) missing(actions []string) error {
	asked := []string{actionVerify}
	if d.config.Locate {
		asked = append(asked, actionLocate)
	}
	if d.config.Resolve {
		asked = append(asked, actionResolve)
	}
	missing := slices.DeleteFunc(asked, func(action string) bool { return slices.Contains(actions, action) })
	if len(missing) == 0 {
		return nil
	}
	return reach.Mend(fmt.Errorf("it does not answer %s", connectors.Listed(missing)),
		"set locate and resolve as the endpoint has them; verify it must answer")
}

// probeSignature asks again with the signature of a key that the endpoint does not know,
// and advises where that is answered as if it were the right one.
func (d *Directory) probeSignature(ctx context.Context, right string) {
	finish := connectors.StartStep(ctx, "signature")
	if finish == nil {
		return
	}
	stranger := make([]byte, 32)
	_, _ = rand.Read(stranger) // never fails
	s := connectors.Step{Detail: "a question that is signed with another secret is refused"}
	body, err := d.endpoint.post(ctx, stranger, d.probing())
	if a, unread := decode(body); err == nil && unread == nil && a.Result == right {
		s.Detail = "a question that is signed with another secret is answered"
		s.Fix = "have the endpoint check signatures: whoever reaches it can try passwords there"
	}
	if errors.Is(err, errNoAnswer) {
		s.Detail, s.Err = "a question that is signed with another secret", err
	}
	finish(s)
}

func (d *Directory) probing() question {
	return question{Action: actionProbe, Realm: d.deps.Realm, Connector: d.deps.Name}
}
