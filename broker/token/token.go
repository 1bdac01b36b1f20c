package token

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// MaxTTL is the longest that a token may live. A retired key stays published for
// that long and a little more.
const MaxTTL = time.Hour

// clockSkew is how far iat and nbf are backdated: some registries allow their clock
// no leeway.
const clockSkew = 10 * time.Second

// Access is one entry of a token's access claim, as in the distribution project's
// token specification (docs/content/spec/auth/jwt.md).
type Access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// Grant is what a token is to say. Issuer and Audience are required; Subject is
// empty for a token that was given to nobody in particular, and Access for one that
// only proves a login. TTL is cut to whole seconds and lies between a second and
// [MaxTTL].
type Grant struct {
	Issuer, Subject, Audience string
	Access                    []Access
	TTL                       time.Duration
}

// Token is a signed token, and what the response that carries it needs.
type Token struct {
	Raw      string        // the JWT in compact form
	ID       string        // its jti, unique and not to be guessed; the one part that may be logged
	IssuedAt time.Time     // now, in UTC and whole seconds; the iat claim lies a little before it
	TTL      time.Duration // how long after IssuedAt the token expires; whole seconds
}

// claims is the body of a token. The audience is a string, since registries of
// version 2 fail on a list.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	Expires   int64    `json:"exp"`
	NotBefore int64    `json:"nbf"`
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
	Access    []Access `json:"access"`
}

// Issue signs a token. It is safe for concurrent use and waits for nobody, not even
// while a rotation is under way. The audience says by what its registry knows keys
// ([Config.Trust]). It fails for a grant that no token can express,
// and while the signing certificate is not valid: registries would refuse the token.
func (r *Ring) Issue(g Grant) (Token, error) {
	if err := g.check(); err != nil {
		return Token{}, fmt.Errorf("issue token: %w", err)
	}
	now := r.config.Now().UTC().Truncate(time.Second)
	s, err := r.signing(r.config.Trust[g.Audience], now)
	if err != nil {
		return Token{}, fmt.Errorf("issue token: %w", err)
	}
	t := Token{ID: rand.Text(), IssuedAt: now, TTL: g.TTL.Truncate(time.Second)}
	backdated := now.Add(-clockSkew).Unix()
	body, err := json.Marshal(claims{
		Issuer:    g.Issuer,
		Subject:   g.Subject,
		Audience:  g.Audience,
		Expires:   now.Add(t.TTL).Unix(),
		NotBefore: backdated,
		IssuedAt:  backdated,
		ID:        t.ID,
		Access:    append([]Access{}, g.Access...), // [], never null
	})
	if err != nil {
		return Token{}, fmt.Errorf("issue token: %w", err)
	}
	raw := make([]byte, 0, len(s.header)+2*len(body)) // enough for the signature of ES256, too
	raw = append(append(raw, s.header...), '.')
	raw = base64.RawURLEncoding.AppendEncode(raw, body)
	signature, err := s.signer.Sign(raw)
	if err != nil {
		return Token{}, fmt.Errorf("issue token: %w", err)
	}
	t.Raw = string(base64.RawURLEncoding.AppendEncode(append(raw, '.'), signature))
	return t, nil
}

// Slow reports whether a signature takes longer than all else that a token takes, as those of
// RSA and of P-384 do: 0.7 and 0.15 ms. The others take some 20 µs, hardly more than to wait for
// a turn.
func (r *Ring) Slow() bool {
	for _, s := range [...]*state{r.x5c.Load(), r.jwks.Load()} {
		if s == nil {
			continue
		}
		switch s.signer.Algorithm() {
		case RS256, ES384:
			return true
		}
	}
	return false
}

// check refuses what is a mistake of the caller: a token without an issuer or an
// audience would be valid in more places than was meant.
func (g Grant) check() error {
	switch {
	case g.Issuer == "":
		return errors.New("grant without an issuer")
	case g.Audience == "":
		return errors.New("grant without an audience")
	case g.TTL < time.Second || g.TTL > MaxTTL:
		return fmt.Errorf("time to live of %v: want %v to %v", g.TTL, time.Second, MaxTTL)
	}
	for _, a := range g.Access {
		if a.Type == "" || a.Name == "" || len(a.Actions) == 0 {
			return fmt.Errorf("incomplete access entry %+v: want type, name and actions", a)
		}
	}
	return nil
}
