package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/reach"
)

// How far the time of a token's issue may be from now. It was asked for a moment ago, but
// Entra ID sets it back by five minutes.
const (
	issuedBefore = 10 * time.Minute
	issuedAhead  = time.Minute
)

// grant asks for tokens with a person's name and password (RFC 6749 §4.3). It sends
// them once.
func (d *Directory) grant(ctx context.Context, m *metadata, username string, password connectors.Secret) (*oauth2.Token, error) {
	client := oauth2.Config{
		ClientID:     d.config.ClientID,
		ClientSecret: d.config.ClientSecret.Reveal(),
		Scopes:       d.config.Scopes,
		Endpoint:     oauth2.Endpoint{TokenURL: m.tokenURL, AuthStyle: authStyle(d.config.ClientAuth)},
	}
	var token *oauth2.Token
	what := "checking the password at " + m.tokenURL
	finish := step(ctx, "password")
	err := operation(ctx, what, func(ctx context.Context) (err error) {
		token, err = client.PasswordCredentialsToken(oidc.ClientContext(ctx, d.client), username, password.Reveal())
		return err
	})
	shown, s := err, secretsOf(&d.config, password)
	if r, ok := asRefusal(err); ok {
		err, shown = d.judge(r, what, s)
	} else if err != nil && s.words(err.Error()) == "" { // x/oauth2 quotes numbers that it cannot use
		err = errors.New("the provider's answer cannot be read")
		shown = err
	} else if err != nil && (errors.Is(err, errNoAnswer) || ctx.Err() != nil) {
		err = unanswered{err}
	}
	finish(shown, func() string { return "as " + username + " at " + m.tokenURL })
	return token, err
}

// judge returns what a refusal means, and the same with the provider's words for the
// trace. Where the provider has a reason that is none of ours, the log has its words too.
func (d *Directory) judge(r refusal, what string, s secrets) (err, shown error) {
	answer := r.answer(s)
	reason, ok := r.reason()
	if !ok {
		err = fmt.Errorf("%s: %w", what, reach.Mend(answer, r.advice()))
		if r.isOfAll() {
			err = connectors.Unreachable(err)
		}
		return err, err
	}
	err = connectors.Reject(reason)
	shown = fmt.Errorf("%w: %w", err, answer)
	if reason == connectors.ReasonRestricted {
		shown = reach.Mend(shown, "the provider's words say why, or its log of sign-ins does")
		if d.restricted.due(time.Minute) {
			d.logger.Warn("login refused: the provider forbids it", slog.Any("error", answer))
		}
	}
	return err, shown
}

// authStyle is how x/oauth2 is to send the secret. Left to find out by itself, it would
// ask twice.
func authStyle(clientAuth string) oauth2.AuthStyle {
	if clientAuth == authBasic {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams // with none, the client's id alone
}

// verify returns the subject and the claims of the ID token that came with an answer.
func (d *Directory) verify(ctx context.Context, answer *oauth2.Token) (subject string, c claims, err error) {
	finish := step(ctx, "id token")
	defer func() { finish(err, func() string { return "for the subject " + subject }) }()
	raw, _ := answer.Extra("id_token").(string)
	if raw == "" {
		return "", nil, reach.Mend(errors.New("the provider's answer holds no ID token"), "check that openid is among scopes, and that the client may have one")
	}
	token, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		return "", nil, fmt.Errorf("the provider's ID token cannot be trusted: %s", firstWords(err.Error()))
	}
	var party struct {
		Authorized string `json:"azp"`
	}
	if err := token.Claims(&party); err != nil {
		return "", nil, errors.New("the provider's ID token cannot be trusted: azp is not a text")
	}
	age := time.Since(token.IssuedAt)
	switch {
	case token.Subject == "":
		return "", nil, errors.New("the provider's ID token names no subject")
	case party.Authorized != "" && party.Authorized != d.config.ClientID, party.Authorized == "" && len(token.Audience) > 1:
		return "", nil, fmt.Errorf("the provider's ID token is for another client, %q, not for client_id", firstWords(party.Authorized))
	case age > issuedBefore, age < -issuedAhead:
		return "", nil, reach.Mend(fmt.Errorf("the provider's ID token was issued at %s, more than ten minutes ago or a minute ahead", token.IssuedAt.UTC().Format(time.RFC3339)), "check the clocks of both")
	}
	if err := token.Claims(&c); err != nil {
		return "", nil, errors.New("the claims of the provider's ID token cannot be read")
	}
	return token.Subject, c, nil
}

// userinfo asks for the claims of the person that a token was given to (OpenID Connect
// Core §5.3).
func (d *Directory) userinfo(ctx context.Context, m *metadata, accessToken, subject string) (claims, error) {
	var c claims
	finish := step(ctx, "userinfo")
	err := operation(ctx, "asking for what the ID token lacks at "+m.userinfoURL, func(ctx context.Context) error {
		body, err := get(ctx, d.client, m.userinfoURL, accessToken)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(body, &c); err != nil {
			return errors.New("the answer is not a JSON object")
		}
		if about, _ := c["sub"].(string); about != subject {
			return errors.New("the answer is about somebody else than the ID token")
		}
		return nil
	})
	finish(err, func() string { return m.userinfoURL })
	return c, err
}
