package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/policy"
)

// loginTime bounds a login of "explain --login", as a request's is bounded.
const loginTime = 5 * time.Second

// explainOptions are the flags of explain.
type explainOptions struct {
	config, realm, service, from string
	user, login, token           string
	groups                       []string
	json                         bool
}

func newExplain(p *program) *cobra.Command {
	var o explainOptions
	c := &cobra.Command{
		Use:   "explain [flags] SCOPE…",
		Short: "Say who may do what, and why",
		Long: "Say what a token would grant of the scopes, and which rule decided each action.\n" +
			"Who asks is either made up with --user and --group (nobody at all: anonymous), or signs\n" +
			"in for real with --login, the password coming from the terminal or standard input: every\n" +
			"step of the login is shown, with what to do about one that fails. Or it is the owner of an\n" +
			"access token, with --token and its id: as a login with it would find the owner now, bound by its scopes.\n" +
			"Exits 1 if the login fails or anything asked is refused.",
		Example: "  shorepass explain --user directory:alice --group directory:platform repository:platform/app:pull,push\n" +
			"  shorepass explain --login alice repository:platform/app:pull,push\n" +
			"  shorepass explain --token 4fGh2kLmN0pQ --from 10.1.2.3 repository:platform/app:pull,push",
		RunE: func(c *cobra.Command, args []string) error {
			if err := noEmptyFlags(c); err != nil {
				return err
			}
			return p.explain(c.Context(), o, args)
		},
	}
	configFlag(c, &o.config)
	realmFlag(c, &o.realm)
	jsonFlag(c, &o.json)
	c.Flags().StringVar(&o.service, "service", "", "`name` of the registry's service; may be left out where the realm has one")
	c.Flags().StringVar(&o.from, "from", "", "the client's `IP` address; left out: unknown")
	c.Flags().StringVar(&o.user, "user", "", "a user, as `connector:name`")
	c.Flags().StringArrayVar(&o.groups, "group", nil, "a group of the user, as `connector:name`; may be repeated")
	c.Flags().StringVar(&o.login, "login", "", "sign in as `name` and ask the real connectors")
	c.Flags().StringVar(&o.token, "token", "", "an access token, by its `id`")
	return c
}

// explain decides as the broker would, and prints why.
func (p *program) explain(ctx context.Context, o explainOptions, args []string) error {
	asked, err := parseArgs(args)
	if err != nil {
		return err
	}
	switch {
	case o.token != "" && (o.login != "" || o.user != "" || len(o.groups) > 0):
		return usageError{errors.New("--token finds out the user and the groups: leave out --login, --user and --group")}
	case o.login != "" && (o.user != "" || len(o.groups) > 0):
		return usageError{errors.New("--login finds out the user and the groups: leave out --user and --group")}
	case o.user == "" && len(o.groups) > 0:
		return usageError{errors.New("--group needs --user: the anonymous client has no groups")}
	case len(asked) == 0 && o.login == "":
		return usageError{errors.New("say what is asked: a scope such as repository:team/app:pull,push")}
	}
	addr, err := parseFrom(o.from)
	if err != nil {
		return err
	}
	cfg, realm, service, err := p.loadService(o.config, o.realm, o.service)
	if err != nil {
		return err
	}
	var identity *connectors.Identity
	switch {
	case o.login != "":
		return p.explainLogin(ctx, o, realm, service, addr, asked)
	case o.token != "":
		identity, err = p.rightsOf(ctx, o, cfg, realm, addr)
	default:
		identity, err = p.madeUp(o, realm)
	}
	if err != nil {
		return err
	}
	subject := broker.Subject(identity, service, addr)
	return p.printExplanation(policy.Explain(subject, realm.Policy.Decide(subject, asked)), nil, o.json)
}

// explainLogin signs in, says how that went, and explains what the user may do.
func (p *program) explainLogin(ctx context.Context, o explainOptions, realm config.Realm, service string, addr netip.Addr, asked []policy.Scope) error {
	password, err := p.password("Password of " + o.login + ": ")
	if err != nil {
		return err
	}
	identity, report, failure := p.login(ctx, realm, connectors.Credentials{Username: o.login, Password: password, RemoteIP: addr})
	if failure != nil {
		print := func() error { return p.printLogin(report) }
		if o.json {
			print = func() error { return p.printJSON(map[string]*loginReport{"login": report}) }
		}
		return errors.Join(print(), failure)
	}
	subject := broker.Subject(&identity, service, addr)
	return p.printExplanation(policy.Explain(subject, realm.Policy.Decide(subject, asked)), report, o.json)
}

// printExplanation prints what was decided, after how the login went, if there was one.
func (p *program) printExplanation(e policy.Explanation, login *loginReport, asJSON bool) error {
	var err error
	switch {
	case asJSON:
		err = p.printJSON(struct {
			Login *loginReport `json:"login,omitempty"`
			policy.Explanation
		}{login, e})
	case login != nil:
		err = errors.Join(p.printLogin(login), e.WriteText(p.Out))
	default:
		err = e.WriteText(p.Out)
	}
	if err != nil {
		return err
	}
	if e.Refused() {
		return errNo
	}
	return nil
}

// checkCanonical wants a user name as rules have it: lower case, and without a domain.
func checkCanonical(c connectors.Connector, realm config.Realm, connector, name string) error {
	var domain connectors.Domain
	if d, ok := c.(connectors.Domained); ok {
		domain = d.Domain()
	}
	canonical, ok := domain.Parse(realm.Usernames, name)
	switch {
	case !ok:
		return usageError{fmt.Errorf("%q is not a user name: want %s", name, realm.Usernames)}
	case canonical != name:
		return usageError{fmt.Errorf("user names are lower case, and spelled in one way: write %s:%s", connector, canonical)}
	}
	return nil
}

// madeUp returns the identity of a made-up user, nil for nobody. It is one that the
// realm could have: an answer about others would be about nobody.
func (p *program) madeUp(o explainOptions, realm config.Realm) (*connectors.Identity, error) {
	if o.user == "" {
		return nil, nil //nolint:nilnil // the anonymous client
	}
	owner, name, err := split(o.user, realm)
	if err != nil {
		return nil, err
	}
	if p.types[owner.Type].Tokens {
		return nil, usageError{fmt.Errorf("connector %s takes access tokens, and who brings one counts as its owner: name the owner, by the connector that the account is of", owner.Name)}
	}
	opened, err := p.openConnector(realm, owner, nil, p.quiet())
	if err != nil {
		return nil, err
	}
	defer closeConnector(opened)
	if err := checkCanonical(opened, realm, owner.Name, name); err != nil {
		return nil, err
	}
	if !opened.Handles(connectors.Credentials{Username: name}) {
		return nil, fmt.Errorf("connector %s does not take the user name %q: it is not listed, or not among its usernames", owner.Name, name)
	}
	identity := &connectors.Identity{Connector: owner.Name, Username: name, Ceiling: connectors.Unlimited()}
	for _, text := range o.groups {
		group, err := p.madeUpGroup(text, owner, realm)
		if err != nil {
			return nil, err
		}
		identity.Groups = append(identity.Groups, group)
	}
	return identity, nil
}

// madeUpGroup returns the name of a group that the user's connector could give.
func (p *program) madeUpGroup(text string, owner config.Connector, realm config.Realm) (string, error) {
	connector, name, err := split(text, realm)
	if err != nil {
		return "", err
	}
	grouped, tells := owner.Config.(connectors.Grouped)
	canonical := p.types[owner.Type].Groups.Canonical(name)
	switch {
	case connector.Name != owner.Name:
		return "", usageError{fmt.Errorf("a user of %s has no groups of %s", owner.Name, connector.Name)}
	case tells && !grouped.HasGroups():
		return "", usageError{fmt.Errorf("connector %s gives no groups", owner.Name)}
	case canonical != connectors.ComposedGroups.Canonical(name): // which nobody can see
		return "", usageError{fmt.Errorf("the groups of %s are lower case, without spaces that do not count: write %s:%s", owner.Name, owner.Name, canonical)}
	}
	return canonical, nil
}

// split cuts connector:name and finds the connector.
func split(qualified string, realm config.Realm) (config.Connector, string, error) {
	known := []string{}
	prefix, name, ok := strings.Cut(qualified, ":")
	for _, c := range realm.Connectors {
		if ok && name != "" && c.Name == prefix {
			return c, name, nil
		}
		known = append(known, c.Name)
	}
	if !ok || name == "" {
		return config.Connector{}, "", usageError{fmt.Errorf("%q is not connector:name; the connectors of realm %s are: %s", qualified, realm.Name, strings.Join(known, ", "))}
	}
	return config.Connector{}, "", fmt.Errorf("realm %s has no connector %q; its connectors are: %s", realm.Name, prefix, strings.Join(known, ", "))
}

func parseArgs(args []string) ([]policy.Scope, error) {
	var asked []policy.Scope
	for _, arg := range args {
		for _, item := range strings.Fields(arg) {
			scope, err := policy.ParseScope(item)
			if err != nil {
				return nil, usageError{err}
			}
			asked = append(asked, scope)
		}
	}
	return asked, nil
}

func parseFrom(from string) (netip.Addr, error) {
	if from == "" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(from)
	if err != nil {
		return addr, usageError{fmt.Errorf("--from %q is no IP address", from)}
	}
	return addr.WithZone(""), nil
}
