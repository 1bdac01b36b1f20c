package cmd

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// guards are those of the process that serves.
type guards struct {
	shield *guard.Shield
	realms map[string]guarded
}

// guarded is what is guarded of a realm.
type guarded struct {
	form    connectors.UsernameForm
	members []connectors.Member
}

// in returns a realm, or all where that is empty.
func (g guards) in(realm string) map[string]guarded {
	if realm == "" {
		return g.realms
	}
	return map[string]guarded{realm: g.realms[realm]}
}

// Of returns what is to be done for a user name, which each realm may read its own way.
func (g guards) Of(realm, username string) (server.Guarded, error) {
	if username == "" {
		return chosen{g, []guard.Filter{{Realm: realm}}}, nil
	}
	filters := map[guard.Filter]bool{}
	for name, r := range g.in(realm) {
		for _, m := range r.members {
			var domain connectors.Domain
			if d, ok := m.Connector.(connectors.Domained); ok {
				domain = d.Domain()
			}
			if canonical, ok := domain.Parse(r.form, username); ok {
				filters[guard.Filter{Realm: name, Username: canonical}] = true
			}
		}
	}
	if len(filters) > 0 {
		return chosen{g, slices.Collect(maps.Keys(filters))}, nil
	}
	shown := strconv.Quote(connectors.WithoutTokens(username))
	if realm == "" {
		return nil, fmt.Errorf("%s is no user name in any realm", shown)
	}
	return nil, fmt.Errorf("%s is no user name in the realm %s: want %s", shown, realm, g.realms[realm].form)
}

// chosen is whom the filters choose.
type chosen struct {
	guards
	filters []guard.Filter
}

// Forget has the directories asked again.
func (c chosen) Forget() (n int) {
	for _, f := range c.filters {
		for _, r := range c.in(f.Realm) {
			for _, m := range r.members {
				if of, ok := m.Connector.(interface{ Forget(username string) int }); ok {
					n += of.Forget(f.Username)
				}
			}
		}
	}
	return n
}

// Lockouts returns what the shield holds.
func (c chosen) Lockouts() []server.Lockout {
	list := []server.Lockout{}
	for _, l := range c.shield.List(c.filters...) {
		list = append(list, lockoutOf(l))
	}
	return list
}

// ClearLockouts has the shield forget what it holds.
func (c chosen) ClearLockouts() (n int) {
	for _, f := range c.filters {
		n += c.shield.Clear(f)
	}
	return n
}

// ClearNetworks has the shield forget how many logins have failed from client networks.
func (g guards) ClearNetworks(in netip.Prefix) int { return g.shield.ClearNetworks(in) }

// lockoutOf describes a lockout.
func lockoutOf(l guard.Lockout) server.Lockout {
	described := server.Lockout{
		User: l.Username, ID: l.ID, Refused: l.Refused, Counted: l.Counted, Budget: l.Budget,
		Limit: string(l.Limit), Until: rfc3339(l.Until), Last: rfc3339(l.Last),
	}
	for _, p := range l.Places {
		described.Connectors = append(described.Connectors, strings.TrimSuffix(p.Realm+"/"+p.Connector, "/"))
	}
	if l.Network.IsValid() {
		described.Network = l.Network.String()
	}
	if l.Client.IsValid() {
		described.From = l.Client.String()
	}
	return described
}

// rfc3339 is empty for the zero time.
func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// guardOptions are the flags of the commands about guards.
type guardOptions struct {
	config, realm, user string
	network             string // of lockouts to clear
	json                bool
}

func (o *guardOptions) flags(c *cobra.Command, user string) {
	configFlag(c, &o.config)
	c.Flags().StringVar(&o.realm, "realm", "", "of this realm alone, by `name`")
	jsonFlag(c, &o.json)
	c.Flags().StringVar(&o.user, "user", "", user)
}

func newCache(p *program) *cobra.Command {
	return group("cache", "What is remembered of logins", newCacheClear(p))
}

func newCacheClear(p *program) *cobra.Command {
	var o guardOptions
	c := &cobra.Command{
		Use:   "clear",
		Short: "Have the directories asked again",
		Long: "Forget what the directories have answered, in the process that serves: logins that they let\n" +
			"pass, names that they do not know, and what the owners of access tokens may do. What has changed\n" +
			"there counts at once then, such as groups, a new password or a disabled account. What registries\n" +
			"were given tokens for stays allowed until those end.",
		Example: "  shorepass cache clear --user alice",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var done server.Forgotten
			if err := askGuards(c, http.MethodDelete, "cache", o, &done); err != nil {
				return err
			}
			if o.json {
				return p.printJSON(done)
			}
			_, err := fmt.Fprintf(p.Out, "forgotten: %s\n", counted(done.Forgotten, "answer"))
			return err
		},
	}
	o.flags(c, "of the user of this `name` alone, as it is typed at a login")
	return c
}

// askGuards asks the process that serves about its guards. There is nothing to ask about
// where none does.
func askGuards(c *cobra.Command, method, what string, o guardOptions, into any) error {
	if err := noEmptyFlags(c); err != nil {
		return err
	}
	cfg, err := readKeys(o.config)
	if err != nil {
		return err
	}
	if !answersOn(cfg.AdminSocket) {
		return fmt.Errorf("no process that serves answers on the admin socket %s: what this is about is in its memory alone, and one that starts begins with none of it", cfg.AdminSocket)
	}
	query := url.Values{}
	for name, value := range map[string]string{"realm": o.realm, "user": o.user, "network": o.network} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return adminRealm{socket: cfg.AdminSocket}.json(c.Context(), method, what+"?"+query.Encode(), nil, into)
}

// counted is a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
