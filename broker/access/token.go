package access

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

// Status says whether a token still counts.
type Status string

// The statuses.
const (
	Live    Status = "live"
	Expired Status = "expired"
	Revoked Status = "revoked"
)

// Token is what may be known of a token: all but its secret. Times are in UTC, to the
// second.
type Token struct {
	ID           string    `json:"id"`
	Realm        string    `json:"realm"`
	Owner        string    `json:"owner"` // connector:username
	Name         string    `json:"name"`
	Scopes       []string  `json:"scopes"`          // the ceiling: the most that it may ever do
	Networks     []string  `json:"networks"`        // where it may be used from; none: everywhere
	Groups       []string  `json:"groups,omitzero"` // as an administrator fixed them; nil: those that the owner has
	Created      time.Time `json:"created"`
	CreatedBy    string    `json:"created_by"` // the owner, or "administrator"
	Expires      time.Time `json:"expires"`
	Revoked      time.Time `json:"revoked,omitzero"`
	RevokedBy    string    `json:"revoked_by,omitempty"`
	LastUsed     time.Time `json:"last_used,omitzero"` // recorded within a minute
	LastUsedFrom string    `json:"last_used_from,omitempty"`
	Status       Status    `json:"status"`
}

// Created is a token just made. The secret is shown this once, and kept nowhere.
type Created struct {
	Token    Token
	Secret   connectors.Secret
	Warnings []string // what its owner probably does not mean, in words
}

// Place says where the token stands among those of its realm, for [Filter.After].
func (t Token) Place() string { return strconv.FormatInt(t.Created.Unix(), 10) + "." + t.ID }

func parsePlace(text string) (pat.Place, error) {
	seconds, id, ok := strings.Cut(text, ".")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if !ok || err != nil || !pat.IsID(id) {
		return pat.Place{}, invalid("after", "after is no place in a list of tokens: take it from the answer with the page before")
	}
	return pat.Place{Created: time.Unix(n, 0).UTC(), ID: id}, nil
}

// owners finds the names of accounts, each once.
type owners struct {
	lookup Lookup
	realm  string
	names  map[pat.Account]string
}

// name returns an account's owner as connector:username.
func (o *owners) name(ctx context.Context, a pat.Account) (string, error) {
	if name, ok := o.names[a]; ok {
		return name, nil
	}
	owner, err := o.lookup.Owner(ctx, o.realm, a)
	if err != nil && !errors.Is(err, pat.ErrNoOwner) {
		return "", unavailable(err)
	}
	name := a.Connector + ":" + cmp.Or(owner.Username, "?")
	o.names[a] = name
	return name, nil
}

// views shows tokens of one realm.
func (s *Service) views(ctx context.Context, realm string, rows []pat.Token) ([]Token, error) {
	o := owners{lookup: s.config.Lookup, realm: realm, names: map[pat.Account]string{}}
	tokens := make([]Token, len(rows))
	for i, row := range rows {
		owner, err := o.name(ctx, row.Account)
		if err != nil {
			return nil, err
		}
		tokens[i] = view(row, owner, s.now())
	}
	return tokens, nil
}

func view(row pat.Token, owner string, now time.Time) Token {
	t := Token{
		ID: row.ID, Realm: row.Realm, Owner: owner, Name: row.Name, Scopes: row.Scopes, Networks: []string{},
		Created: row.Created, CreatedBy: row.CreatedBy, Expires: row.Expires,
		Revoked: row.Revoked, RevokedBy: row.RevokedBy, LastUsed: row.LastUsed, Status: Live,
	}
	for _, n := range row.Networks {
		t.Networks = append(t.Networks, n.String())
	}
	if row.GroupsFixed {
		t.Groups = append([]string{}, row.Groups...)
	}
	if row.LastUsedFrom.IsValid() {
		t.LastUsedFrom = row.LastUsedFrom.String()
	}
	switch {
	case !row.Revoked.IsZero():
		t.Status = Revoked
	case !now.Before(row.Expires):
		t.Status = Expired
	}
	return t
}

// IsToken reports whether a text is a whole token, and the one with that public id.
func IsToken(s connectors.Secret, id string) bool {
	text, ok := pat.ParseText(s)
	return ok && text.ID() == id
}

// CheckID says what is wrong with what was given as a token's id, so that the token itself,
// which is taken for it easily, is sent nowhere and not repeated.
func CheckID(id string) error {
	if pat.IsID(id) {
		return nil
	}
	if text, ok := pat.ParseText(connectors.NewSecret(id)); ok {
		return invalid("id", "this is a token itself, where its id was wanted: write %s, the %d characters after %s, and revoke it if anybody may have seen it", text.ID(), len(text.ID()), connectors.AccessTokenPrefix)
	}
	return fault(broker.NotFound, "id", "bad-id", "this is no token's id: one is the 12 letters and digits that follow %s in the token, and the list of tokens has it", connectors.AccessTokenPrefix)
}
