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
	"net/url"
	"strconv"

	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/connectors"
)

// maxServerAnswer bounds what is read of an answer, in bytes.
const maxServerAnswer = 8 << 20

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
	if err := s.call(ctx, http.MethodPost, "tokens", nil, content, &made); err != nil {
		return access.Created{}, err
	}
	return access.Created{Token: made.Token, Secret: connectors.NewSecret(made.Secret), Warnings: made.Warnings}, nil
}

// list asks for page after page.
func (s *serverTokens) list(ctx context.Context, f access.Filter) ([]access.Token, error) {
	query := url.Values{"all": {strconv.FormatBool(f.All)}}
	list := []access.Token{}
	for {
		var page server.TokenPage
		if err := s.call(ctx, http.MethodGet, "tokens", query, nil, &page); err != nil {
			return nil, err
		}
		list = append(list, page.Tokens...)
		if page.Next == "" || len(page.Tokens) == 0 {
			return list, nil
		}
		query.Set("after", page.Next)
	}
}

func (s *serverTokens) show(ctx context.Context, id string) (t access.Token, err error) {
	return t, s.one(ctx, http.MethodGet, id, &t)
}

func (s *serverTokens) revoke(ctx context.Context, id string) (t access.Token, err error) {
	return t, s.one(ctx, http.MethodDelete, id, &t)
}

func (s *serverTokens) one(ctx context.Context, method, id string, into *access.Token) error {
	if err := access.CheckID(id); err != nil {
		return err
	}
	return s.call(ctx, method, "tokens/"+id, nil, nil, into)
}

// revokeAll revokes one's own tokens, as far as that goes.
func (s *serverTokens) revokeAll(ctx context.Context, _ string) ([]access.Token, error) {
	live, err := s.list(ctx, access.Filter{})
	if err != nil {
		return nil, err
	}
	if len(live) == 0 {
		return nil, errors.New("you have no access token that counts")
	}
	ids := make([]string, len(live))
	for i, t := range live {
		ids[i] = t.ID
	}
	return revokeTokens(ctx, s, "", ids)
}

// call asks the API for something, and reads the answer into what it is for.
func (s *serverTokens) call(ctx context.Context, method, path string, query url.Values, content []byte, into any) error {
	target := s.base.JoinPath(path)
	params := url.Values{}
	maps.Copy(params, query)
	if s.realm != "" {
		params.Set("realm", s.realm)
	}
	target.RawQuery = params.Encode()
	request, err := http.NewRequestWithContext(ctx, method, target.String(), bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.SetBasicAuth(s.user, s.password.Reveal())
	request.Header.Set("User-Agent", "shorepass/"+version().Version)
	if content != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := s.client.Do(request)
	if err != nil {
		return s.unreached(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxServerAnswer))
	if err != nil {
		return s.unreached(err)
	}
	return s.read(response, body, into)
}

// read reads an answer, which may come from something other than a Shorepass.
func (s *serverTokens) read(response *http.Response, body []byte, into any) error {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	var problem struct {
		Detail string `json:"detail"`
	}
	switch {
	case kind == "application/problem+json" && json.Unmarshal(body, &problem) == nil && problem.Detail != "":
		return errors.New(problem.Detail)
	case kind == "application/json" && response.StatusCode/100 == 2 && json.Unmarshal(body, into) == nil:
		return nil
	}
	return fmt.Errorf("%s answers %q, and not as a Shorepass whose people make access tokens themselves: check --server, which is its public_url, and ask whoever runs it whether self_service is enabled",
		s.base.Host, response.Status)
}

// unreached says why a server could not be asked.
func (s *serverTokens) unreached(err error) error {
	var unknown x509.UnknownAuthorityError
	var slow net.Error
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("the certificate of %s is of an authority that this machine does not trust: name the authority's certificate with --ca-file", s.base.Host)
	case errors.As(err, &slow) && slow.Timeout():
		return fmt.Errorf("%s does not answer within %s", s.base.Host, serverTime)
	}
	var failure *url.Error
	if errors.As(err, &failure) {
		err = failure.Err // without the URL
	}
	return fmt.Errorf("%s cannot be reached: %w", s.base.Host, err)
}
