package oidc

import (
	"context"
	"fmt"
	"slices"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/reach"
)

var _ connectors.Prober = (*Directory)(nil)

// Probe reads the provider's documents, and compares what they say to support with what
// is configured. Whether the provider takes the client and its secret, only a login
// tells.
func (d *Directory) Probe(ctx context.Context) error {
	m, err := d.metadata(ctx)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		name      string
		wanted    []string
		supported []string
		fix       string
	}{
		{"grant", []string{"password"}, m.lists.Grants, "the provider may have no password grant at all, which this connector cannot do without"},
		{"client_auth", []string{authMethod(d.config.ClientAuth)}, m.lists.ClientAuth, "another client_auth may be needed"},
		{"scopes", d.config.Scopes, m.lists.Scopes, "the provider may refuse scopes that it does not know"},
	} {
		compare(ctx, c.name, c.wanted, c.supported, c.fix)
	}
	return d.probeAlgorithms(ctx, m.lists.Algorithms)
}

// compare says what of the configuration the provider does not list. It may still take
// it: the lists are often short.
func compare(ctx context.Context, name string, wanted, supported []string, fix string) {
	finish := connectors.StartStep(ctx, name)
	if finish == nil || len(supported) == 0 {
		return
	}
	missing := slices.DeleteFunc(slices.Clone(wanted), func(w string) bool { return slices.Contains(supported, w) })
	s := connectors.Step{Detail: connectors.Listed(wanted)}
	if len(missing) > 0 {
		s.Detail += "; the provider does not list " + connectors.Listed(missing) + ", but " + connectors.Listed(supported)
		s.Fix = fix
	}
	finish(s)
}

// probeAlgorithms fails where the provider signs with none of the algorithms.
func (d *Directory) probeAlgorithms(ctx context.Context, supported []string) error {
	finish := step(ctx, "algorithms")
	var err error
	if len(supported) > 0 && !slices.ContainsFunc(d.config.Algorithms, func(a string) bool { return slices.Contains(supported, a) }) {
		usable := slices.DeleteFunc(slices.Clone(supported), func(a string) bool { return !slices.Contains(asymmetric(), a) })
		err = reach.Mend(fmt.Errorf("the provider signs ID tokens with %s", connectors.Listed(supported)), "name one of these in algorithms: "+connectors.Listed(usable))
	}
	finish(err, func() string { return connectors.Listed(d.config.Algorithms) })
	return err
}

// authMethod is client_auth in the words of OpenID Connect Core §9.
func authMethod(clientAuth string) string {
	if clientAuth == authNone {
		return authNone
	}
	return "client_secret_" + clientAuth
}
