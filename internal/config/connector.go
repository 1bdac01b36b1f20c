package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/strictyaml"
	"github.com/shorepass/shorepass/policy"
)

// reserved is a name that no connector may have: it is kept for machine accounts.
const reserved = "robot"

// connectors loads the connectors of a realm; it keeps those whose config has no fault. It
// returns what rules may name, and whether the names of all connectors are known, so
// that rules can be checked.
func (l *loader) connectors(nodes []strictyaml.Node, r *Realm) (rulers []policy.Connector, named bool) {
	named = true
	taken := map[string]bool{}
	var enders []Connector
	for _, n := range nodes {
		if n.IsZero() {
			named = false
			continue
		}
		var keys connectorKeys
		p := l.decode(n, &keys)
		if !p.checkConnectorName(keys.Name, taken) || !p.whole("name") {
			named = false
		}
		p.checkUsernames(keys.Usernames, r.Usernames)
		p.checkReach(keys, enders)
		before := len(l.problems)
		cfg := p.connectorConfig(keys)
		ruler := policy.Connector{Name: keys.Name, GroupForm: l.types[keys.Type].Groups.Canonical}
		if g, ok := cfg.(connectors.Grouped); ok {
			ruler.NoGroups = !g.HasGroups()
		}
		rulers = append(rulers, ruler)
		if cfg != nil && l.sound(before) {
			loaded := Connector{Name: keys.Name, Type: keys.Type, Usernames: keys.Usernames, Config: cfg, At: keys.at}
			r.Connectors = append(r.Connectors, loaded)
			if loaded.endsChain() && p.known("usernames") {
				enders = append(enders, loaded)
			}
		}
	}
	return rulers, named
}

// checkConnectorName reports whether the name is one.
func (p part) checkConnectorName(name string, taken map[string]bool) bool {
	if !p.checkName("connector", name) {
		return false
	}
	switch {
	case name == reserved:
		p.report("name", "the name %q is reserved: choose another", reserved)
	case taken[name]:
		p.report("name", "a connector %q is there already: names are unique in a realm", name)
	}
	taken[name] = true
	return true
}

func (p part) checkUsernames(patterns []string, form connectors.UsernameForm) {
	if patterns != nil && len(patterns) == 0 {
		p.report("usernames", "usernames is an empty list, by which nobody could sign in: name a pattern, or remove the key")
	}
	for i, pattern := range patterns {
		if fault := patternFault(pattern, form); fault != "" {
			p.report(fmt.Sprintf("usernames[%d]", i), "usernames: %q %s", pattern, fault)
		}
	}
}

// checkReach reports a connector that could never be asked: those before it, which end
// the chain, take all its names.
func (p part) checkReach(keys connectorKeys, enders []Connector) {
	if !p.known("usernames") {
		return
	}
	switch takers := takers(enders, keys.Usernames); len(takers) {
	case 0:
	case 1:
		p.report("name", "connector %q could never be asked: %q in line %d takes all its user names, and cannot tell whom it does not know: put %[1]q before %[2]q, or give %[2]q the usernames that are its own",
			keys.Name, takers[0].Name, takers[0].At.Line)
	default:
		var names []string
		for _, t := range takers {
			names = append(names, fmt.Sprintf("%q in line %d", t.Name, t.At.Line))
		}
		p.report("name", "connector %q could never be asked: %s take all its user names, and cannot tell whom they do not know: put %[1]q before them, or give them the usernames that are their own",
			keys.Name, strings.Join(names, " and "))
	}
}

// takers returns those of the connectors that take the names which match the patterns;
// none, where these match others too.
func takers(enders []Connector, patterns connectors.UsernamePatterns) []Connector {
	if len(patterns) == 0 {
		patterns = connectors.UsernamePatterns{"*"}
	}
	taking := make([]bool, len(enders))
	for _, pattern := range patterns {
		i := slices.IndexFunc(enders, func(e Connector) bool { return e.Usernames.Cover(connectors.UsernamePatterns{pattern}) })
		if i < 0 {
			return nil
		}
		taking[i] = true
	}
	var list []Connector
	for i, e := range enders {
		if taking[i] {
			list = append(list, e)
		}
	}
	return list
}

// patternFault says what is wrong with a pattern of user names.
func patternFault(pattern string, form connectors.UsernameForm) string {
	canonical, ok := form.ParsePattern(pattern)
	switch {
	case pattern == "":
		return "is empty"
	case !ok:
		return fmt.Sprintf("matches no user name: these are %s, and * stands for any run of them", form)
	case canonical == strings.ToLower(pattern) && canonical != pattern:
		return "has upper-case letters, which no user name has: write " + canonical
	case canonical != pattern:
		return "is not spelled as user names are: write " + canonical
	}
	return ""
}

// connectorConfig decodes and checks what the connector's type says.
func (p part) connectorConfig(keys connectorKeys) any {
	if keys.Type == "" {
		return nil
	}
	t, ok := p.types[keys.Type]
	if !ok {
		p.report("type", "unknown connector type %q%s", keys.Type, suggestion(keys.Type, "types", slices.Sorted(maps.Keys(p.types))))
		return nil
	}
	if keys.Config.IsZero() {
		return nil
	}
	cfg := t.Config()
	config := p.decode(keys.Config, cfg)
	if v, ok := cfg.(connectors.Validator); ok {
		config.validate(v)
	}
	config.checkPaths("", cfg)
	return cfg
}

// validate reports what the configuration of a connector says of itself. Where that
// sees a contradiction between a key and another one that could not be decoded, there
// may be none; and where one of several keys is missing, one of these.
func (p part) validate(v connectors.Validator) {
	for _, fault := range v.Validate() {
		if slices.ContainsFunc(fault.Instead, func(field string) bool { return !p.known(field) }) {
			continue // it may be there
		}
		message := fault.Message
		if fault.Field != "" {
			message = fault.Field + ": " + message
		}
		if p.node.At(fault.Field).IsZero() || !p.mentions(fault.Message) {
			p.report(fault.Field, "%s", message)
		}
	}
}
