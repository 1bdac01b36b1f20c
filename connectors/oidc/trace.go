package oidc

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/reach"
)

// step begins a step of a trace. What it returns ends it; detail is asked for where
// somebody listens.
func step(ctx context.Context, name string) func(err error, detail func() string) {
	finish := connectors.StartStep(ctx, name)
	if finish == nil {
		return func(error, func() string) {}
	}
	return func(err error, detail func() string) {
		s := connectors.Step{Detail: detail()}
		s.Fix, s.Err = reach.Told(err)
		finish(s)
	}
}

// metadata returns the provider's metadata, in a step.
func (d *Directory) metadata(ctx context.Context) (*metadata, error) {
	finish := step(ctx, "discovery")
	m, err := d.current(ctx)
	finish(err, func() string {
		if err != nil {
			return d.config.Issuer
		}
		var algorithms []string
		for _, k := range m.keys {
			algorithms = append(algorithms, cmp.Or(k.Algorithm, "any"))
		}
		slices.Sort(algorithms)
		return fmt.Sprintf("%s: token endpoint %s; keys: %s", d.config.Issuer, m.tokenURL, connectors.Listed(slices.Compact(algorithms)))
	})
	return m, err
}

// describe says what claims have made of a person so far.
func (p *person) describe() string {
	text := fmt.Sprintf("%s is %s", p.config.UsernameClaim, p.username)
	if p.username == "" {
		text = p.config.UsernameClaim + " is missing"
	}
	switch {
	case !p.config.HasGroups():
		return text
	case !p.grouped:
		return text + ", " + p.config.GroupsClaim + " is missing"
	}
	return text + ", " + p.config.GroupsClaim + " is " + connectors.Listed(p.groups)
}
