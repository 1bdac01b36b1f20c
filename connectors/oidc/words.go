package oidc

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"unicode"

	"github.com/shorepass/shorepass/connectors"
)

// secrets are what the provider was sent and may repeat, in the forms in which it may do
// so, in lower case.
type secrets []string

// secretsOf are those of a login by the password: the password, the client's secret, and
// the pair by which the client names itself in a header, as it is and as RFC 6749 §2.3.1
// has it.
func secretsOf(c *Config, password connectors.Secret) secrets {
	all := []string{password.Reveal()}
	if secret := c.ClientSecret.Reveal(); secret != "" {
		all = append(all, secret, c.ClientID+":"+secret, url.QueryEscape(c.ClientID)+":"+url.QueryEscape(secret))
	}
	var s secrets
	for _, secret := range all {
		for _, form := range []string{
			printed(secret), // as the text is that is searched
			url.QueryEscape(secret),
			url.PathEscape(secret),
			base64.RawStdEncoding.EncodeToString([]byte(secret)), // a part of that with padding
			base64.RawURLEncoding.EncodeToString([]byte(secret)),
			hex.EncodeToString([]byte(secret)),
		} {
			if form != "" {
				s = append(s, strings.ToLower(form))
			}
		}
	}
	return s
}

// words is [firstWords] of a text of the provider's; empty where it holds a secret.
func (s secrets) words(text string) string {
	lower := strings.ToLower(printed(text))
	for _, form := range s {
		if strings.Contains(lower, form) {
			return ""
		}
	}
	return firstWords(text)
}

// firstWords bounds a text of the provider's and leaves out what is not printable.
func firstWords(text string) string {
	const most = 300
	text = printed(text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	return text
}

// printed is the text without what is not printable.
func printed(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}
