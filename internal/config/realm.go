package config

import (
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

// realm loads one realm. Each part of it is looked at even where something else of it
// is wrong.
func (l *loader) realm(n strictyaml.Node) {
	keys := realmKeys{TokenTTL: defaultTTL}
	p := l.decode(n, &keys)
	realm := l.newRealm(keys)
	if !p.known("unicode_usernames") {
		realm.Usernames = connectors.UnicodeUsernames // what is wrong in either form
	}
	p.checkRealm(realm, keys)
	if !p.checkSigning(realm.Signing, keys.Signing) {
		realm.Signing = Signing{}
	}
	if l.keysOnly {
		l.cfg.Realms = append(l.cfg.Realms, realm)
		return
	}
	rulers, known := l.connectors(keys.Connectors, &realm)
	if known && p.whole("connectors") {
		p.policy(keys.Policy, &realm, rulers)
		p.checkAnybody(realm, rulers)
	} else {
		p.rules(keys.Policy)
	}
	l.cfg.Realms = append(l.cfg.Realms, realm)
}

// checkAnybody reports a realm in which nobody could sign in.
func (p part) checkAnybody(r Realm, rulers []policy.Connector) {
	owners := slices.ContainsFunc(rulers, func(c policy.Connector) bool { return !c.NoNames })
	switch {
	case owners:
	case len(rulers) > 0:
		p.report("connectors", "access tokens alone let nobody in: their owners' accounts are those of other connectors: add one")
	case r.Policy != nil && !r.Policy.AllowsAnonymous():
		p.report("connectors", "nobody can sign in without connectors, and no rule is for anyone: add a connector")
	}
}

// newRealm copies the keys of a realm, with their defaults.
func (l *loader) newRealm(keys realmKeys) Realm {
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
	if keys.Unicode {
		realm.Usernames = connectors.UnicodeUsernames
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
	return realm
}

func (p part) checkRealm(r Realm, keys realmKeys) {
	if p.checkName("realm", r.Name) {
		if p.realms[r.Name] {
			p.report("name", "a realm %q is there already: names are unique", r.Name)
		}
		p.realms[r.Name] = true
	}
	own := map[string]bool{}
	for i, s := range r.Services {
		if path := fmt.Sprintf("services[%d].name", i); p.whole(path) {
			p.checkService(path, s.Name, r.Name, own)
		}
		if path := fmt.Sprintf("services[%d].trust", i); p.whole(path) {
			p.choice(path, s.Trust, "x5c", "jwks")
		}
	}
	if keys.Issuer != "" && !isWord(keys.Issuer) {
		p.report("issuer", "issuer: want visible ASCII characters without spaces, at most 255")
	}
	p.checkTTL("token_ttl", r.TokenTTL)
	if keys.PushTokenTTL != nil && p.checkTTL("push_token_ttl", r.PushTokenTTL) && p.whole("token_ttl") && r.PushTokenTTL < r.TokenTTL {
		p.report("push_token_ttl", "push_token_ttl: %s is shorter than token_ttl, %s: make it as long or longer", ShowDuration(r.PushTokenTTL), ShowDuration(r.TokenTTL))
	}
}

// checkService checks a service of a realm; own are those before it.
func (p part) checkService(path, service, realm string, own map[string]bool) {
	owner, taken := p.services[service]
	switch {
	case !isWord(service):
		p.report(path, "%q is no service name: want visible ASCII characters without spaces, at most 255", service)
	case own[service]:
		p.report(path, "the service %q is listed twice", service)
	case taken:
		p.report(path, "the service %q belongs to the realm %q already: a service has one realm", service, owner)
	default:
		p.services[service], own[service] = realm, true
	}
}

// isWord reports whether s may stand in a token and in a header as it is.
func isWord(s string) bool {
	return len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' })
}

func (p part) checkTTL(path string, ttl time.Duration) bool {
	if ttl < minTTL || ttl > maxTTL {
		p.report(path, "%s: want %s to %s, got %s", path, ShowDuration(minTTL), ShowDuration(maxTTL), ShowDuration(ttl))
		return false
	}
	return true
}

// checkSigning reports whether the signing section can be relied on.
func (p part) checkSigning(s Signing, keys signingKeys) bool {
	before := len(p.problems)
	if s.Algorithm != "" {
		p.choice("signing.algorithm", s.Algorithm, "ES256", "ES384", "RS256", "EdDSA")
	}
	switch {
	case s.KeyFile != "" && s.CertFile == "" && p.whole("signing.cert_file"):
		p.report("signing.key_file", "signing: key_file needs cert_file, the certificate that registries trust")
	case s.KeyFile == "" && s.CertFile != "" && p.whole("signing.key_file"):
		p.report("signing.cert_file", "signing: cert_file needs key_file, the key of the certificate")
	}
	p.checkPaths("signing", keys)
	return p.whole("signing") && p.sound(before)
}
