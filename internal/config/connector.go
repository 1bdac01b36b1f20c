package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
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
	seen := siblings{names: map[string]bool{}}
	var advice []func()
	for _, n := range nodes {
		if n.IsZero() {
			named = false
			continue
		}
		var keys connectorKeys
		p := l.decode(n, &keys)
		if !p.checkConnectorName(keys.Name, seen.names) || !p.whole("name") {
			named = false
		}
		p.checkUsernames(keys, r.Usernames)
		p.checkPlace(keys, &seen)
		before := len(l.problems)
		settings := p.guardSettings(keys)
		cfg := p.connectorConfig(keys)
		rulers = append(rulers, l.ruler(keys, cfg))
		if cfg != nil && l.sound(before) {
			loaded := Connector{Name: keys.Name, Type: keys.Type, Usernames: keys.Usernames, Config: cfg, Guard: settings, At: keys.at}
			r.Connectors = append(r.Connectors, loaded)
			advice = append(advice, func() { p.adviseOnTokens(cfg) })
			if loaded.endsChain() && p.known("usernames") {
				seen.enders = append(seen.enders, loaded)
			}
		}
	}
	if seen.tokens != nil {
		for _, give := range advice {
			give()
		}
	}
	return rulers, named
}

// adviseOnTokens warns of what goes badly with access tokens.
func (p part) adviseOnTokens(cfg any) {
	if a, ok := cfg.(connectors.TokenAdviser); ok {
		for _, advice := range a.TokenAdvice() {
			p.warn("config."+advice.Field, "%s: %s", advice.Field, advice.Message)
		}
	}
}

// siblings is what is known of the connectors before one, in a realm.
type siblings struct {
	names  map[string]bool
	enders []Connector // those that cannot tell whom they do not know
	tokens *connectorKeys
}

// ruler is what rules may know of a connector.
func (l *loader) ruler(keys connectorKeys, cfg any) policy.Connector {
	t := l.types[keys.Type]
	ruler := policy.Connector{Name: keys.Name, GroupForm: t.Groups.Canonical, NoNames: t.Tokens}
	if g, ok := cfg.(connectors.Grouped); ok {
		ruler.NoGroups = !g.HasGroups()
	}
	return ruler
}

// checkPlace checks a connector against those before it: whether it could ever be asked,
// and that one alone takes the realm's tokens.
func (p part) checkPlace(keys connectorKeys, seen *siblings) {
	switch {
	case !p.types[keys.Type].Tokens:
		p.checkReach(keys, seen.enders)
	case seen.tokens != nil:
		p.report("type", "connector %q would never be asked: %q in line %d takes the realm's access tokens already: remove one of the two", keys.Name, seen.tokens.Name, seen.tokens.at.Line)
	default:
		seen.tokens = &keys
	}
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

func (p part) checkUsernames(keys connectorKeys, form connectors.UsernameForm) {
	patterns := keys.Usernames
	if patterns != nil && p.types[keys.Type].Tokens {
		p.report("usernames", "usernames: an access token counts under whatever user name it comes with: remove the key")
		return
	}
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
	if c, ok := cfg.(connectors.Ceiled); ok {
		config.checkCeilings(c)
	}
	config.checkPaths("", cfg)
	return cfg
}

// guardSettings decodes and checks what is said of the guards of a connector.
func (p part) guardSettings(keys connectorKeys) guard.Settings {
	if t, ok := p.types[keys.Type]; ok && t.Directory == nil {
		if keys.Guard.Given() {
			p.report("guard", "guard: connectors of type %s check no passwords that are to be guarded: remove the key", keys.Type)
		}
		return guard.Settings{}
	}
	settings := guard.DefaultSettings()
	p.decode(keys.Guard, &settings).validate(&settings)
	return settings
}

// checkCeilings reports the ceilings that cannot be read: they would grant nothing.
func (p part) checkCeilings(c connectors.Ceiled) {
	field, scopes := c.Ceilings()
	for i, scope := range scopes {
		if _, err := policy.ParseCeiling([]string{scope}); err != nil {
			p.report(fmt.Sprintf("%s[%d]", field, i), "%s: %v", field, err)
		}
	}
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
