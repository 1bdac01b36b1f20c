package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/reach"
)

// metadata is what the provider publishes of itself. It is never changed, but
// replaced by a newer one.
type metadata struct {
	tokenURL    string
	userinfoURL string // empty: it has none
	keys        keys
	lists       lists
}

// lists are what the provider says that it can do; a list that is missing says nothing
// (OpenID Connect Discovery 1.0 §3).
type lists struct {
	Keys       string   `json:"jwks_uri"`
	Grants     []string `json:"grant_types_supported"`
	ClientAuth []string `json:"token_endpoint_auth_methods_supported"`
	Scopes     []string `json:"scopes_supported"`
	Algorithms []string `json:"id_token_signing_alg_values_supported"`
}

// fetcher fetches a provider's metadata.
type fetcher struct {
	client *http.Client
	issuer string
	plain  func(*url.URL) bool // whether such a URL may be http://
}

// fetch reads the discovery document (OpenID Connect Discovery 1.0 §4) and the keys
// that it names.
func (f *fetcher) fetch(ctx context.Context) (*metadata, error) {
	var m metadata
	err := operation(ctx, "reading the discovery document of "+f.issuer, func(ctx context.Context) error {
		return f.discover(ctx, &m)
	})
	if err != nil {
		return nil, err
	}
	err = operation(ctx, "reading the keys at "+m.lists.Keys, func(ctx context.Context) error {
		body, err := get(ctx, f.client, m.lists.Keys, "")
		if err != nil {
			return err
		}
		m.keys, err = parseKeys(body)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &m, nil
}

// discover fills in all but the keys.
func (f *fetcher) discover(ctx context.Context, m *metadata) error {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, f.client), f.issuer)
	if err != nil {
		return f.discoveryFault(ctx, err)
	}
	if err := provider.Claims(&m.lists); err != nil {
		return errors.New("it is not a discovery document: jwks_uri is no text, or what it says to support no lists")
	}
	m.tokenURL, m.userinfoURL = provider.Endpoint().TokenURL, provider.UserInfoEndpoint()
	for _, e := range []struct {
		name, url string
		optional  bool
	}{
		{"token_endpoint", m.tokenURL, false},
		{"jwks_uri", m.lists.Keys, false},
		{"userinfo_endpoint", m.userinfoURL, true},
	} {
		if e.url == "" && e.optional {
			continue
		}
		if err := f.checkEndpoint(e.url); err != nil {
			return fmt.Errorf("its %s is %q: %w", e.name, firstWords(e.url), err)
		}
	}
	return nil
}

// discoveryFault returns the library's error, of which the body of an answer is left
// out: it may be a whole page.
func (f *fetcher) discoveryFault(ctx context.Context, err error) error {
	var mismatch *oidc.IssuerMismatchError
	var transport *url.Error
	switch {
	case errors.As(err, &mismatch) && mismatch.Discovered == "":
		return reach.Mend(errors.New("it is not a discovery document"), "check issuer")
	case errors.As(err, &mismatch):
		return reach.Mend(fmt.Errorf("it is the document of %q", firstWords(mismatch.Discovered)), "put that into issuer, letter by letter, if this is the provider that is meant")
	case errors.As(err, &transport), ctx.Err() != nil:
		return err
	}
	return reach.Mend(errors.New(firstWords(err.Error())), "check issuer: its discovery document is at ISSUER/.well-known/openid-configuration")
}

// checkEndpoint wants an absolute URL that may be asked.
func (f *fetcher) checkEndpoint(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("want an https:// address")
	case u.Scheme == "http" && !f.plain(u):
		return errPlain
	}
	return nil
}

// get returns the JSON object at address. bearer is an access token; empty: none is
// sent.
func get(ctx context.Context, client *http.Client, address, bearer string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		err := reach.Mend(fmt.Errorf("status %d", response.StatusCode), statusAdvice(response.StatusCode))
		if response.StatusCode >= http.StatusInternalServerError {
			err = connectors.Unreachable(err)
		}
		return nil, err
	}
	if !json.Valid(body) {
		return nil, reach.Mend(errors.New("the answer is not JSON"), statusAdvice(response.StatusCode))
	}
	return body, nil
}
