package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/reach"
)

// person is what claims say of somebody.
type person struct {
	config   *Config
	username string // as the claim has it; empty: not seen yet
	address  string // that the provider has verified; empty: none is seen
	groups   []string
	grouped  bool // whether the groups claim is there
	vouched  bool // whether it was said if the e-mail address is verified
}

// unfit is why somebody is refused whom the provider has signed in.
type unfit struct {
	reason connectors.Reason
	text   string
}

// Error returns the text.
func (u *unfit) Error() string { return u.text }

// read takes what is still missing from claims. It fails with *unfit, or with any other
// error where a claim is not what it is configured to be.
func (p *person) read(c claims) error {
	if err := p.readUsername(c); err != nil {
		return err
	}
	if !p.config.HasGroups() || p.grouped {
		return nil
	}
	path := p.config.GroupsClaim
	if c.hasOverage(path) {
		return &unfit{connectors.ReasonGroups, "the provider left the groups out of the token because there are too many (an overage); have it send fewer, such as those that are assigned to the client alone"}
	}
	var err error
	p.groups, p.grouped, err = c.groups(path)
	return err
}

func (p *person) readUsername(c claims) error {
	if p.username == "" {
		var err error
		if p.username, err = c.text(p.config.UsernameClaim); err != nil {
			return err
		}
	}
	verified, ok := c["email_verified"]
	sound := verified == true || verified == "true"
	if address, isText := c["email"].(string); isText && sound {
		p.address = address
	}
	if p.vouched = p.vouched || ok; ok && p.isAddress() && !sound {
		return &unfit{connectors.ReasonRestricted, "the e-mail address, which username_claim makes the user name, is not verified at the provider: anybody could have entered it"}
	}
	return nil
}

// isPartial reports whether there may be more to know.
func (p *person) isPartial() bool {
	return p.username == "" || p.isAddress() && !p.vouched || p.config.HasGroups() && !p.grouped
}

// isAddress reports whether the user name is the e-mail address, of which either document
// may say whether it is verified.
func (p *person) isAddress() bool { return p.config.UsernameClaim == "email" }

// read has a person read claims, in a step.
func (d *Directory) read(ctx context.Context, p *person, c claims, subject string) error {
	finish := step(ctx, "claims")
	err := p.read(c)
	finish(err, p.describe)
	return d.refused(subject, err)
}

// identity returns the person with the subject as an identity.
func (d *Directory) identity(ctx context.Context, subject string, p *person) (connectors.Identity, error) {
	finish := step(ctx, "account")
	username, err := d.username(p)
	if err == nil {
		err = d.noteGroups(p)
	}
	finish(err, func() string { return fmt.Sprintf("user name %s, groups: %s", username, connectors.Listed(p.groups)) })
	if err != nil {
		return connectors.Identity{}, d.refused(subject, err)
	}
	return connectors.Identity{
		Connector: d.name,
		Via:       d.name,
		Kind:      connectors.Person,
		ID:        d.config.Issuer + "#" + subject, // an issuer holds no #
		Username:  username,
		Aliases:   d.aliases(p),
		Groups:    p.groups,
		Ceiling:   connectors.Unlimited(),
	}, nil
}

// username returns the person's canonical name.
func (d *Directory) username(p *person) (string, error) {
	claim := d.config.UsernameClaim
	if p.username == "" {
		return "", reach.Mend(fmt.Errorf("neither the ID token nor the userinfo endpoint gives the claim %s", claim), "check username_claim and scopes, and what the provider maps")
	}
	name, err := canonical(d.form, p.username, d.config.UsernameStrip)
	if err != nil {
		return "", &unfit{connectors.ReasonBadUsername, fmt.Sprintf("the claim %s is %q: %v", claim, firstWords(p.username), err)}
	}
	return name, nil
}

// aliases returns the names by which the person may sign in, as far as nobody else can have
// them: the claim that is the user name, and an address that is verified. Others, such as an
// address that is not, people may enter as they like, and have what is sent for somebody else
// count for themselves.
func (d *Directory) aliases(p *person) []string {
	var names []string
	for _, claim := range [...]string{p.username, p.address} {
		if name, ok := d.form.Parse(claim); ok && name == strings.ToLower(claim) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// noteGroups says what a missing groups claim means: that the person has none, or
// nothing at all. A claim that nobody has ever had is most likely a mistake.
func (d *Directory) noteGroups(p *person) error {
	switch {
	case !d.config.HasGroups():
		return nil
	case p.grouped:
		d.grouped.Store(true)
		return nil
	case d.config.GroupsRequired:
		return &unfit{connectors.ReasonGroups, fmt.Sprintf("the claim %s is missing, and groups_required is set", d.config.GroupsClaim)}
	case d.grouped.Load():
		return nil
	}
	if d.ungrouped.due(time.Hour) {
		d.logger.Warn("no token of this provider has carried the groups claim so far, so that nobody has groups: "+
			"map groups to it at the provider, or check groups_claim and scopes", slog.String("groups_claim", d.config.GroupsClaim))
	}
	return nil
}

// seldom is something that is not said every time.
type seldom struct{ last atomic.Int64 } // Unix time

// due reports whether it is to be said now.
func (s *seldom) due(every time.Duration) bool {
	now, last := time.Now().Unix(), s.last.Load()
	return now-last >= int64(every/time.Second) && s.last.CompareAndSwap(last, now)
}

// refused logs why somebody is refused whom the provider has signed in, since only its
// administrator, or ours, can mend that. Other errors are outages, which are logged by
// those who meet them.
func (d *Directory) refused(subject string, err error) error {
	var u *unfit
	if !errors.As(err, &u) {
		return err
	}
	d.logger.Warn("login refused: "+u.text, slog.String("subject", firstWords(subject)))
	return connectors.Reject(u.reason)
}
