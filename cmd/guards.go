package cmd

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/connectors"
)

// guards are the connectors by realm, as far as they are guarded.
type guards map[string][]connectors.Member

// Forget has the directories asked again about a user name.
func (g guards) Forget(realm, username string) (n int) {
	for name, members := range g {
		for _, m := range members {
			if c, ok := m.Connector.(interface{ Forget(username string) int }); ok && (realm == "" || realm == name) {
				n += c.Forget(username)
			}
		}
	}
	return n
}

// guardOptions are the flags of the commands about guards.
type guardOptions struct {
	config, realm, user string
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
			"pass, and names that they do not know. What has changed there counts at once then, such as\n" +
			"groups, a new password or a disabled account. Tokens that were given out stay valid.",
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
	for name, value := range map[string]string{"realm": o.realm, "user": o.user} {
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
