package cmd

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/connectors"
)

// What is taken of a server at most: it may be another than it is thought to be.
const (
	maxServerAnswer = 8 << 20         // bytes of an answer
	maxServerPages  = 1000            // of a list
	serverPage      = 100             // how many tokens are asked for at a time
	serverTimeOfAll = 2 * time.Minute // of a list, or of revoking all of one
)

// serverTokens are the tokens of whoever runs the command, looked after through the API
// of a server.
type serverTokens struct {
	base     *url.URL // of the API
	realm    string   // empty: the server knows which
	user     string
	password connectors.Secret
	client   *http.Client
}

func (s *serverTokens) create(ctx context.Context, spec access.Spec) (access.Created, error) {
	wish := struct {
		Name     string   `json:"name"`
		Scopes   []string `json:"scopes"`
		Networks []string `json:"networks,omitempty"`
		Expires  string   `json:"expires,omitempty"`
	}{spec.Name, spec.Scopes, spec.Networks, spec.Expires}
	content, err := json.Marshal(wish)
	if err != nil {
		return access.Created{}, err
	}
	var made server.MadeToken
	if err := s.call(ctx, request{method: http.MethodPost, path: "tokens", content: content, want: http.StatusCreated}, &made); err != nil {
		return access.Created{}, err
	}
	secret := connectors.NewSecret(made.Secret)
	if !access.IsToken(secret, made.ID) {
		return access.Created{}, s.stranger("with something that is no access token")
	}
	return access.Created{Token: made.Token, Secret: secret, Warnings: made.Warnings}, nil
}

// list asks for page after page. Each must bring tokens that were not there before.
func (s *serverTokens) list(ctx context.Context, f access.Filter) (list access.List, err error) {
	ctx, cancel := context.WithTimeout(ctx, serverTimeOfAll)
	defer cancel()
	query := url.Values{"all": {strconv.FormatBool(f.All)}, "limit": {strconv.Itoa(serverPage)}}
	seen := map[string]bool{}
	for range maxServerPages {
		var page server.TokenPage
		if err := s.call(ctx, request{method: http.MethodGet, path: "tokens", query: query, want: http.StatusOK}, &page); err != nil {
			return access.List{}, err
		}
		for _, t := range page.Tokens {
			if access.CheckID(t.ID) != nil || seen[t.ID] {
				return access.List{}, s.stranger("with a list that has no id for a token, or one twice")
			}
			seen[t.ID] = true
		}
		list.Tokens = append(list.Tokens, page.Tokens...)
		switch {
		case page.Next == "":
			return list, nil
		case len(page.Tokens) == 0:
			return access.List{}, s.stranger("with an empty page of a list that goes on")
		}
		query.Set("after", page.Next)
	}
	return access.List{}, s.stranger(fmt.Sprintf("with a list of more than %d pages", maxServerPages))
}

func (s *serverTokens) show(ctx context.Context, id string) (access.Token, error) {
	t, err := s.one(ctx, http.MethodGet, id)
	return t.Token, err
}

func (s *serverTokens) revoke(ctx context.Context, id string) (access.RevokedToken, error) {
	t, err := s.one(ctx, http.MethodDelete, id)
	if err == nil && t.Status != access.Revoked {
		return access.RevokedToken{}, s.stranger("with a token that is not revoked")
	}
	return t, err
}

// one asks for something to be done with a token.
func (s *serverTokens) one(ctx context.Context, method, id string) (t access.RevokedToken, err error) {
	if err := s.call(ctx, request{method: method, path: "tokens/" + id, want: http.StatusOK}, &t); err != nil {
		return access.RevokedToken{}, err
	}
	if t.ID != id {
		return access.RevokedToken{}, s.stranger("with another token than " + id)
	}
	return t, nil
}

// revokeAll revokes one's own tokens, as far as that goes.
func (s *serverTokens) revokeAll(ctx context.Context, _ string) (access.List, error) {
	ctx, cancel := context.WithTimeout(ctx, serverTimeOfAll)
	defer cancel()
	live, err := s.list(ctx, access.Filter{})
	switch {
	case err != nil:
		return access.List{}, err
	case len(live.Tokens) == 0:
		return access.List{Warnings: []string{"you have no access token that counts"}}, nil
	case len(live.Tokens) > access.MaxTokens:
		return access.List{}, s.stranger(fmt.Sprintf("with more than the %d tokens that anybody may have", access.MaxTokens))
	}
	ids := make([]string, len(live.Tokens))
	for i, t := range live.Tokens {
		ids[i] = t.ID
	}
	return revokeTokens(ctx, s, "", ids)
}

// request is what a server is asked for.
type request struct {
	method, path string
	query        url.Values
	content      []byte // JSON; nil: none
	want         int    // the status of the answer
}

// call asks the API for something, and reads the answer into what it is for.
func (s *serverTokens) call(ctx context.Context, ask request, into any) error {
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) { sent.Store(info.Err == nil) }})
	err := s.exchange(ctx, ask, into)
	var refused problemError
	if err != nil && ask.method == http.MethodPost && sent.Load() && !errors.As(err, &refused) {
		return fmt.Errorf("%w; %s", err, mayBeMade)
	}
	return err
}

// exchange sends a request, and reads the answer.
func (s *serverTokens) exchange(ctx context.Context, ask request, into any) error {
	target := s.base.JoinPath(ask.path)
	params := url.Values{}
	maps.Copy(params, ask.query)
	if s.realm != "" {
		params.Set("realm", s.realm)
	}
	target.RawQuery = params.Encode()
	r, err := http.NewRequestWithContext(ctx, ask.method, target.String(), bytes.NewReader(ask.content))
	if err != nil {
		return err
	}
	r.SetBasicAuth(s.user, s.password.Reveal())
	r.Header.Set("User-Agent", "shorepass/"+version().Version)
	if ask.content != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := s.client.Do(r)
	if err != nil {
		return s.unreached(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxServerAnswer+1))
	switch {
	case err != nil:
		return s.unreached(err)
	case len(body) > maxServerAnswer:
		return s.stranger(fmt.Sprintf("with more than %d MiB", maxServerAnswer>>20))
	}
	return s.read(response, body, ask.want, into)
}

// problemError is what a server says is wrong. What was done all the same, it says itself.
type problemError struct{ text string }

// Error returns the server's words.
func (e problemError) Error() string { return e.text }

// read reads an answer, which may come from something other than a Shorepass.
func (s *serverTokens) read(response *http.Response, body []byte, want int, into any) error {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	var problem struct {
		Detail string `json:"detail"`
		Field  string `json:"field"`
	}
	switch {
	case kind == "application/problem+json" && response.StatusCode >= http.StatusBadRequest && json.Unmarshal(body, &problem) == nil && problem.Detail != "":
		if problem.Field == "realm" && s.realm == "" {
			return problemError{"--realm is missing: " + s.base.Host + " has several realms whose people make access tokens themselves, ask whoever runs it which is yours"}
		}
		return problemError{printable(problem.Detail)}
	case kind == "application/json" && response.StatusCode == want && json.Unmarshal(body, into) == nil:
		return nil
	}
	return s.stranger(strconv.Quote(response.Status))
}

// stranger is the error of an answer that no Shorepass gives.
func (s *serverTokens) stranger(how string) error {
	return fmt.Errorf("%s answers %s, and not as a Shorepass whose people make access tokens themselves: check --server, which is its public_url, and ask whoever runs it whether self_service is enabled",
		s.base.Host, how)
}

// unreached says why a server could not be asked.
func (s *serverTokens) unreached(err error) error {
	var unknown x509.UnknownAuthorityError
	var slow net.Error
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("the certificate of %s is of an authority that this machine does not trust: name the authority's certificate with --ca-file", s.base.Host)
	case errors.Is(err, http.ErrSchemeMismatch):
		return s.plain()
	case errors.As(err, &slow) && slow.Timeout():
		return fmt.Errorf("%s does not answer within %s", s.base.Host, serverTime)
	}
	var failure *url.Error
	if errors.As(err, &failure) {
		err = failure.Err // without the URL
	}
	return fmt.Errorf("%s cannot be reached: %s", s.base.Host, printable(err.Error())) // a certificate may hold anything
}

// plain is the error of a server that was asked over TLS and does not speak it.
func (s *serverTokens) plain() error {
	if !onThisMachine(s.base.Hostname()) {
		return fmt.Errorf("%s speaks plain HTTP, and your password would go there unencrypted: ask whoever runs it for its https address", s.base.Host)
	}
	server := s.base.JoinPath("..", "..")
	server.Scheme = "http"
	return fmt.Errorf("%s speaks plain HTTP: on this machine write --server %s", s.base.Host, strings.TrimSuffix(server.String(), "/"))
}
