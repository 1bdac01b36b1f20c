package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/strictyaml"
)

// reserved is a name that no connector may have: it is kept for machine accounts.
const reserved = "robot"

// connectors loads the connectors of a realm and reports whether the names of all of
// them are known, so that rules can be checked.
func (l *loader) connectors(nodes []strictyaml.Node, r *Realm) bool {
	named := true
	taken := map[string]bool{}
	for _, n := range nodes {
		var keys connectorKeys
		decoded := !n.IsZero() && l.decode(n, &keys)
		if keys.Name == "" || !l.checkConnectorName(n, keys.Name, taken) {
			named = false
		}
		if decoded {
			l.checkUsernames(n, keys.Usernames)
		}
		r.Connectors = append(r.Connectors, Connector{
			Name:      keys.Name,
			Type:      keys.Type,
			Usernames: keys.Usernames,
			Config:    l.connectorConfig(n, keys),
			At:        keys.at,
		})
	}
	return named
}

// checkConnectorName reports whether the name is one.
func (l *loader) checkConnectorName(n strictyaml.Node, name string, taken map[string]bool) bool {
	if !l.checkName(n, "connector", name) {
		return false
	}
	switch {
	case name == reserved:
		l.report(n, "name", "the name %q is reserved: choose another", reserved)
	case taken[name]:
		l.report(n, "name", "a connector %q is there already: names are unique in a realm", name)
	}
	taken[name] = true
	return true
}

func (l *loader) checkUsernames(n strictyaml.Node, patterns []string) {
	if patterns != nil && len(patterns) == 0 {
		l.report(n, "usernames", "usernames is an empty list, by which nobody could sign in: name a pattern, or remove the key")
	}
	for i, pattern := range patterns {
		if fault := patternFault(pattern); fault != "" {
			l.report(n, fmt.Sprintf("usernames[%d]", i), "usernames: %q %s", pattern, fault)
		}
	}
}

// patternFault says what is wrong with a pattern of user names.
func patternFault(pattern string) string {
	name := strings.ReplaceAll(pattern, "*", "a")
	lower, ok := connectors.ParseUsername(name)
	switch {
	case pattern == "":
		return "is empty"
	case !ok:
		return fmt.Sprintf("matches no user name: these are 1 to %d of a-z 0-9 . _ @ + -, and * stands for any run of them", connectors.MaxUsername)
	case lower != name:
		return "has upper-case letters, which no user name has: write " + strings.ToLower(pattern)
	}
	return ""
}

// connectorConfig decodes and checks what the connector's type says.
func (l *loader) connectorConfig(n strictyaml.Node, keys connectorKeys) any {
	if keys.Type == "" {
		return nil
	}
	t, ok := l.types[keys.Type]
	if !ok {
		l.report(n, "type", "unknown connector type %q%s", keys.Type, suggestion(keys.Type, "types", slices.Sorted(maps.Keys(l.types))))
		return nil
	}
	cfg := t.Config()
	if keys.Config.IsZero() || !l.decode(keys.Config, cfg) {
		return nil
	}
	if v, ok := cfg.(connectors.Validator); ok {
		for _, fault := range v.Validate() {
			message := fault.Message
			if fault.Field != "" {
				message = fault.Field + ": " + message
			}
			l.report(keys.Config, fault.Field, "%s", message)
		}
	}
	return cfg
}
