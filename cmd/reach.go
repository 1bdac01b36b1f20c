package cmd

import (
	"fmt"
	"strings"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
)

// lister is a connector that may know the user names that it handles.
type lister interface {
	Usernames() []string
}

// reach finds the listed user names of a connector that others, before it, keep from it:
// nobody could sign in by them. It fails where these are all; what it says besides is a
// warning.
func reach(r config.Realm, c config.Connector, opened connectors.Connector) (warning string, err error) {
	l, ok := opened.(lister)
	if !ok {
		return "", nil
	}
	names := l.Usernames()
	var kept []string
	taker := ""
	for _, name := range names {
		if by, ok := r.Taker(c, name); ok {
			kept, taker = append(kept, name), by
		}
	}
	switch {
	case len(kept) == 0:
		return "", nil
	case len(kept) < len(names):
		return fmt.Sprintf("connector %q lists %s, who can never sign in by it: %q, which is before it, takes such names, and cannot tell whom it does not know: put %[1]q before %[3]q", c.Name, few(kept), taker), nil
	}
	return "", fmt.Errorf("connector %q could never be asked: %q, which is before it, takes all the user names that it lists (%s), and cannot tell whom it does not know: put %[1]q before %[2]q, or give %[2]q the usernames that are its own", c.Name, taker, few(kept))
}

// few lists names, the first of many.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d others", strings.Join(names[:most], ", "), len(names)-most)
}
