package access

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/strictyaml"
	"github.com/shorepass/shorepass/policy"
)

// The limits of every token.
const (
	MaxTokens     = pat.MaxTokens // of an account, that count at a time
	MaxName       = 64            // characters
	MinExpiry     = pat.MinExpiry
	DefaultExpiry = 90 * 24 * time.Hour
	MaxExpiry     = pat.MaxExpiry
	MaxFixed      = 30 * 24 * time.Hour // where an administrator fixes the owner's groups
	dayFactor     = 10                  // times as many may be made in a day, revoked ones counted
	maxItems      = 100                 // scopes, networks, groups
	maxItem       = 300                 // bytes of each
	maxTexts      = 8 << 10             // bytes of all
)

// Spec is a token that is wished for.
type Spec struct {
	Realm    string   `json:"-"`
	Owner    string   `json:"owner,omitempty"` // connector:username; a person's own may be left out
	Name     string   `json:"name"`
	Scopes   []string `json:"scopes"`             // what it may do at most, as [policy.ParseCeiling] reads it: at least one
	Networks []string `json:"networks,omitempty"` // addresses and CIDRs that it may be used from; none: everywhere
	Expires  string   `json:"expires,omitempty"`  // how long it lasts, such as 30d, or its end as a date or a time of RFC 3339; empty: the default

	// Groups of the owner, fixed until the token ends: bare, or as connector:group. For an
	// administrator, where the owner's connector cannot look anybody up.
	Groups []string `json:"groups,omitempty"`
}

// token reads the specification, but for the owner.
func (s Spec) token(now time.Time, r Realm, by Actor) (pat.Token, error) {
	t := pat.Token{Realm: s.Realm, Name: s.Name, Created: now, CreatedBy: by.name(), GroupsFixed: len(s.Groups) > 0}
	if err := s.checkText(); err != nil {
		return t, err
	}
	if by.Identity != nil && t.GroupsFixed {
		return t, fault(broker.Forbidden, "groups", "self-service-limits", "groups are fixed by an administrator alone: leave them out")
	}
	var err error
	if t.Scopes, err = s.scopes(r, by); err != nil {
		return t, err
	}
	if t.Networks, err = s.networks(); err != nil {
		return t, err
	}
	t.Expires, err = s.expires(now, s.expiry(r, by))
	return t, err
}

// checkText checks the name, and that nothing holds a token: it would be shown again, and
// recorded. All together is bounded, since lists of tokens show it.
func (s Spec) checkText() error {
	size := 0
	for _, part := range []struct {
		field string
		texts []string
	}{
		{"owner", []string{s.Owner}},
		{"name", []string{s.Name}},
		{"expires", []string{s.Expires}},
		{"scopes", s.Scopes},
		{"networks", s.Networks},
		{"groups", s.Groups},
	} {
		if err := checkTexts(part.field, part.texts); err != nil {
			return err
		}
		if size += len(strings.Join(part.texts, "")); size > maxTexts {
			return invalid(part.field, "%s: with what else the token has, more than %d bytes: ask for less, such as by patterns with **", part.field, maxTexts)
		}
	}
	switch {
	case s.Name == "":
		return invalid("name", "the name of the token is missing: choose one that says what it is for")
	case utf8.RuneCountInString(s.Name) > MaxName || strings.ContainsFunc(s.Name, invisible) || strings.TrimSpace(s.Name) != s.Name:
		return invalid("name", "a name is 1 to %d visible characters, with spaces at most between them", MaxName)
	}
	return nil
}

// checkTexts bounds what is repeated and kept of a field.
func checkTexts(field string, texts []string) error {
	if len(texts) > maxItems {
		return invalid(field, "%s: more than %d: ask for less", field, maxItems)
	}
	for _, text := range texts {
		switch {
		case connectors.HoldsToken(text):
			return invalid(field, "%s holds an access token, or part of one: revoke that token, since it may have been seen, and leave it out", field)
		case len(text) > maxItem:
			return invalid(field, "%s: longer than %d bytes", field, maxItem)
		case !utf8.ValidString(text):
			return invalid(field, "%s: not UTF-8", field)
		case strings.ContainsFunc(text, unicode.IsControl):
			return invalid(field, "%s: has control characters: leave them out", field)
		}
	}
	return nil
}

func invisible(c rune) bool { return !unicode.IsPrint(c) }

// scopes reads the ceiling. A person's lies within what people may give themselves.
func (s Spec) scopes(r Realm, by Actor) ([]string, error) {
	var scopes []string
	for _, text := range s.Scopes {
		if strings.ContainsFunc(text, unicode.IsSpace) {
			return nil, invalid("scopes", "%q is no scope, which has no spaces: give each by itself", text)
		}
		if !slices.Contains(scopes, text) {
			scopes = append(scopes, text)
		}
	}
	if len(scopes) == 0 {
		return nil, invalid("scopes", "what the token may do is missing: name scopes such as repository:team/**:pull, or repository:**:* and registry:catalog:* for all that its owner may do")
	}
	if _, err := policy.ParseCeiling(scopes); err != nil {
		return nil, invalid("scopes", "%v", err)
	}
	if by.Identity == nil {
		return scopes, nil
	}
	widest, err := policy.ParseCeiling(r.SelfService.Scopes)
	if err != nil {
		return nil, err
	}
	beyond := slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool {
		one, err := policy.ParseCeiling([]string{scope})
		return err == nil && widest.Covers(one)
	})
	if len(beyond) > 0 {
		return nil, fault(broker.Forbidden, "scopes", "self-service-limits", "realm %s does not let people give themselves %s: the widest scopes there are %s; ask an administrator for more",
			s.Realm, strings.Join(beyond, " "), strings.Join(r.SelfService.Scopes, " "))
	}
	return scopes, nil
}

// networks reads addresses and CIDRs.
func (s Spec) networks() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range s.Networks {
		n, err := parseNetwork(text)
		if err != nil {
			return nil, invalid("networks", "%q is neither an address nor a network such as 10.0.0.0/8", text)
		}
		if n.Masked() != n {
			return nil, invalid("networks", "%s has bits set beyond its length: write %s", n, n.Masked())
		}
		if !slices.Contains(networks, n) {
			networks = append(networks, n)
		}
	}
	return networks, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("no address: %w", err)
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	n, err := netip.ParsePrefix(text)
	if err == nil && n.Addr().Is4In6() {
		return n, fmt.Errorf("an IPv4 network is written as one")
	}
	return n, err
}

// lifetimes are the default of how long a token lasts, and the most.
type lifetimes struct {
	usual, most time.Duration
	why         string // why no more
	own         bool   // an administrator may give more
}

func (s Spec) expiry(r Realm, by Actor) lifetimes {
	l := lifetimes{DefaultExpiry, MaxExpiry, "an access token lasts at most", false}
	switch {
	case len(s.Groups) > 0:
		l = lifetimes{MaxFixed, MaxFixed, "a token whose owner's groups are fixed lasts at most", false}
	case by.Identity != nil && r.SelfService.MaxExpiry < MaxExpiry:
		l = lifetimes{r.SelfService.DefaultExpiry, r.SelfService.MaxExpiry, "the access tokens that people of the realm make themselves last at most", true}
	case by.Identity != nil:
		l.usual = r.SelfService.DefaultExpiry
	}
	return l
}

// expires reads when the token ends. A date counts to its end, in UTC.
func (s Spec) expires(now time.Time, l lifetimes) (time.Time, error) {
	var end time.Time
	if s.Expires == "" {
		end = now.Add(l.usual)
	} else if d, err := time.Parse(time.DateOnly, s.Expires); err == nil {
		end = d.AddDate(0, 0, 1)
	} else if t, err := time.Parse(time.RFC3339, s.Expires); err == nil {
		end = t.UTC().Truncate(time.Second)
	} else if d, err := strictyaml.ParseDuration(s.Expires); err == nil {
		end = now.Add(d.Truncate(time.Second))
	} else {
		return end, invalid("expires", "expires: %q is neither a duration such as 30d or 12h, nor a date such as %s, nor a time such as %s",
			s.Expires, now.AddDate(0, 1, 0).Format(time.DateOnly), now.AddDate(0, 1, 0).Format(time.RFC3339))
	}
	switch lasts := end.Sub(now); {
	case lasts < 0: // no duration is
		return end, invalid("expires", "expires: %s is over", s.Expires)
	case lasts < MinExpiry:
		return end, invalid("expires", "expires: %s is not a minute from now", end.Format(time.RFC3339))
	case lasts > l.most && l.own && lasts <= MaxExpiry:
		return end, fault(broker.Forbidden, "expires", "self-service-limits", "expires: %s %s, until %s; ask an administrator for more", l.why, duration(l.most), now.Add(l.most).Format(time.RFC3339))
	case lasts > l.most:
		return end, invalid("expires", "expires: %s %s, until %s", l.why, duration(l.most), now.Add(l.most).Format(time.RFC3339))
	}
	return end, nil
}

// duration shows a duration in whole days where it is some.
func duration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}
