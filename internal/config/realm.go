package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/strictyaml"
	"github.com/shorepass/shorepass/policy"
)

// The bounds of token_ttl and push_token_ttl, and their defaults.
const (
	minTTL         = time.Minute
	maxTTL         = time.Hour
	defaultTTL     = 5 * time.Minute
	defaultPushTTL = 15 * time.Minute
)

// realm loads one realm. Its connectors and its policy are looked at even where
// something else of it is wrong.
func (l *loader) realm(n strictyaml.Node) {
	keys := realmKeys{TokenTTL: defaultTTL}
	ok := l.decode(n, &keys)
	realm := Realm{
		Name:         keys.Name,
		Issuer:       keys.Issuer,
		TokenTTL:     keys.TokenTTL,
		PushTokenTTL: max(defaultPushTTL, keys.TokenTTL),
		Signing: Signing{
			Algorithm: keys.Signing.Algorithm,
			KeyFile:   string(keys.Signing.KeyFile),
			CertFile:  string(keys.Signing.CertFile),
			At:        keys.Signing.at,
		},
	}
	if keys.PushTokenTTL != nil {
		realm.PushTokenTTL = *keys.PushTokenTTL
	}
	if realm.Issuer == "" {
		realm.Issuer = l.cfg.PublicURL + "/realms/" + realm.Name
	}
	if realm.Signing.Algorithm == "" && realm.Signing.KeyFile == "" {
		realm.Signing.Algorithm = "ES256"
	}
	for _, s := range keys.Services {
		realm.Services = append(realm.Services, Service(s))
	}
	if ok {
		l.checkRealm(n, realm, keys)
	}
	named := l.connectors(keys.Connectors, &realm) && (ok || len(realm.Connectors) > 0)
	if named {
		l.policy(keys.Policy, &realm, ok)
	} else {
		l.rules(keys.Policy)
	}
	if ok && named && realm.Policy != nil && len(realm.Connectors) == 0 && !realm.Policy.AllowsAnonymous() {
		l.report(n, "connectors", "nobody can sign in without connectors, and no rule is for anyone: add a connector")
	}
	l.cfg.Realms = append(l.cfg.Realms, realm)
}

func (l *loader) checkRealm(n strictyaml.Node, r Realm, keys realmKeys) {
	if l.checkName(n, "realm", r.Name) && l.realms[r.Name] {
		l.report(n, "name", "a realm %q is there already: names are unique", r.Name)
	}
	l.realms[r.Name] = true
	for i, s := range r.Services {
		l.checkService(n, fmt.Sprintf("services[%d]", i), s.Name, r.Name)
	}
	if keys.Issuer != "" && !isWord(keys.Issuer) {
		l.report(n, "issuer", "issuer: want visible ASCII characters without spaces, at most 255")
	}
	l.checkTTL(n, "token_ttl", r.TokenTTL)
	if keys.PushTokenTTL != nil && l.checkTTL(n, "push_token_ttl", r.PushTokenTTL) && r.PushTokenTTL < r.TokenTTL {
		l.report(n, "push_token_ttl", "push_token_ttl: %s is shorter than token_ttl, %s: make it as long or longer", show(r.PushTokenTTL), show(r.TokenTTL))
	}
	l.checkSigning(n, r.Signing)
}

func (l *loader) checkService(n strictyaml.Node, path, service, realm string) {
	owner, taken := l.services[service]
	switch {
	case !isWord(service):
		l.report(n, path, "%q is no service name: want visible ASCII characters without spaces, at most 255", service)
	case taken && owner == realm:
		l.report(n, path, "the service %q is listed twice", service)
	case taken:
		l.report(n, path, "the service %q belongs to the realm %q already: a service has one realm", service, owner)
	default:
		l.services[service] = realm
	}
}

// isWord reports whether s may stand in a token and in a header as it is.
func isWord(s string) bool {
	return len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' })
}

func (l *loader) checkTTL(n strictyaml.Node, path string, ttl time.Duration) bool {
	if ttl < minTTL || ttl > maxTTL {
		l.report(n, path, "%s: want %s to %s, got %s", path, show(minTTL), show(maxTTL), show(ttl))
		return false
	}
	return true
}

func (l *loader) checkSigning(n strictyaml.Node, s Signing) {
	if s.Algorithm != "" {
		l.choice(n, "signing.algorithm", s.Algorithm, "ES256", "RS256")
	}
	switch {
	case s.KeyFile != "" && s.CertFile == "":
		l.report(n, "signing.key_file", "signing: key_file needs cert_file, the certificate that registries trust")
	case s.KeyFile == "" && s.CertFile != "":
		l.report(n, "signing.cert_file", "signing: cert_file needs key_file, the key of the certificate")
	}
}

// policy loads and compiles the policy of a realm. Where the realm's services are not
// known, rules that speak of services cannot be checked.
func (l *loader) policy(n strictyaml.Node, r *Realm, servicesKnown bool) {
	rules := l.rules(n)
	if rules == nil || !servicesKnown && slices.ContainsFunc(rules, func(r policy.Rule) bool { return r.Services != nil }) {
		return
	}
	doc := policy.Document{Rules: rules}
	for _, c := range r.Connectors {
		doc.Connectors = append(doc.Connectors, policy.Connector{Name: c.Name, LowerCaseGroups: l.types[c.Type].LowerCaseGroups})
	}
	for _, s := range r.Services {
		doc.Services = append(doc.Services, s.Name)
	}
	compiled, err := policy.Compile(doc)
	if err != nil {
		var problems policy.Problems
		errors.As(err, &problems)
		for _, p := range problems {
			l.problems = append(l.problems, problemAt(p.At, p.Message))
		}
		return
	}
	r.Policy = compiled
	for _, f := range policy.Lint(compiled) {
		l.cfg.warnings = append(l.cfg.warnings, problemAt(f.At, fmt.Sprintf("rule %q: %s", f.Rule, f.Message)))
	}
}

// rules decodes the rules of a realm, which stand in a file or in place; nil where
// they cannot be.
func (l *loader) rules(n strictyaml.Node) []policy.Rule {
	root := n
	if _, inFile := n.Text(); inFile {
		var file connectors.Path
		if !l.decode(n, &file) {
			return nil
		}
		var err error
		if root, err = strictyaml.ParseFile(string(file)); err != nil {
			l.policyFile(n, err)
			return nil
		}
	}
	var keys policyKeys
	if !root.Given() || !l.decode(root, &keys) {
		return nil
	}
	return keys.Rules
}

// policyFile reports what is wrong with a policy file as a whole: where it cannot be
// read, the path to it is at fault.
func (l *loader) policyFile(n strictyaml.Node, err error) {
	var problems strictyaml.Problems
	errors.As(err, &problems)
	for _, p := range problems {
		if p.Line == 0 {
			p = n.Problem("", "policy: %s %s", p.File, p.Message)
		}
		l.problems = append(l.problems, p)
	}
}

func problemAt(at policy.Position, message string) strictyaml.Problem {
	return strictyaml.Problem{File: at.File, Line: at.Line, Column: at.Column, Message: message}
}
