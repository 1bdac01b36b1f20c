package pat

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// tokenStep says which token it is.
func tokenStep(t Token, err error) connectors.Step {
	step := connectors.Step{Detail: "by its id, and the hash of its text", Err: err}
	switch {
	case err == nil:
		step.Detail = fmt.Sprintf("%s %q of an account of %s, for %s, until %s", t.ID, t.Name, t.Account.Connector, strings.Join(t.Scopes, " "), t.Expires.UTC().Format(time.RFC3339))
		if len(t.Networks) > 0 {
			step.Detail += ", from " + joined(t.Networks)
		}
	case errors.Is(err, connectors.ErrRejected):
		step.Fix = "there is none of this text: it was mistyped or cut off, or it is another realm's"
	}
	return step
}

func joined(networks []netip.Prefix) string {
	texts := make([]string, len(networks))
	for i, n := range networks {
		texts[i] = n.String()
	}
	return strings.Join(texts, ", ")
}

// ownerStep says what is known of the owner, and since when.
func ownerStep(t Token, o Owner, err error) connectors.Step {
	if err != nil {
		return connectors.Step{Detail: fmt.Sprintf("the account %s of %s", t.Account.ID, t.Account.Connector), Err: err}
	}
	groups := connectors.Listed(o.Groups)
	if t.GroupsFixed && slices.Equal(o.Groups, t.Groups) {
		return connectors.Step{Detail: fmt.Sprintf("%s:%s, with the groups that were given with the token: %s", t.Account.Connector, o.Username, groups)}
	}
	return connectors.Step{Detail: fmt.Sprintf("%s:%s, groups: %s, known since %s", t.Account.Connector, o.Username, groups, o.Seen.UTC().Format(time.RFC3339))}
}
