package oidc

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/files"
	"github.com/shorepass/shorepass/internal/reach"
)

// The deadlines. Those of the caller's context hold too.
const (
	connectTimeout   = time.Second     // a TCP connection
	operationTimeout = 2 * time.Second // a request, connecting and its answer included
	callTimeout      = 4 * time.Second // Verify
	fairShare        = time.Second     // a provider that had less time is not blamed for not answering, nor sent a login whose password was never right
)

// What the provider may send, in bytes.
const (
	maxBody   = 1 << 20
	maxHeader = 64 << 10
)

// maxIdle is how many connections are kept for the next logins. Each may have died unseen,
// and costs a login its deadline then.
const maxIdle = 4

// maxRedirects is how many redirects a request for a document follows.
const maxRedirects = 3

var (
	errNoAnswer = errors.New("the provider did not answer in time")
	errTooLarge = fmt.Errorf("the provider's answer is larger than %d bytes", maxBody)
	errPlain    = errors.New("it is an http:// address, where passwords would be sent in clear; insecure_plaintext: true accepts the risk")
)

// newClient returns the HTTP client that the provider is spoken to with.
//
// It speaks HTTP/1.1, where a connection that hangs hangs for one request alone. The
// environment's proxies count for nothing: a password goes where the configuration
// sends it.
func newClient(c *Config) (*http.Client, error) {
	roots, err := files.CertPool("ca_file", string(c.CAFile))
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    operationTimeout,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}
	if !c.Proxy.Blank() {
		proxy, err := parseProxy(c.Proxy)
		if err != nil {
			return nil, fmt.Errorf("proxy %w", err)
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	return &http.Client{
		Transport:     &bounded{reach.NewDiscreet(transport), c.allowsPlain},
		CheckRedirect: checkRedirect,
	}, nil
}

// checkRedirect follows no chain without an end. Where a redirect may lead to is for
// redirectFault to say.
func checkRedirect(_ *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errors.New("it redirects on and on")
	}
	return nil
}

// redirectFault is what is wrong with an answer that redirects: only a document may lead
// to another one of the same server. What is posted is a password, and another server is
// not the one that was configured. Of the address it shows the server alone: the rest may
// repeat what was posted.
func redirectFault(r *http.Request, response *http.Response) error {
	location := response.Header.Get("Location")
	if location == "" || response.StatusCode < 300 || response.StatusCode > 399 {
		return nil
	}
	to, err := r.URL.Parse(location)
	if err != nil {
		return errors.New("it redirects to what is not an address")
	}
	server := firstWords(to.Scheme + "://" + to.Host)
	switch {
	case r.Method != http.MethodGet:
		return fmt.Errorf("it redirects to %s, where the password is not sent", server)
	case to.Scheme != r.URL.Scheme || to.Host != r.URL.Host:
		return fmt.Errorf("it redirects to another server, %s, which is not followed", server)
	}
	return nil
}

// bounded is a transport whose answers are whole, bounded and lead nowhere else, and which
// sends nothing in clear unless that is allowed. Of an error of a body that was read later,
// x/oauth2 would leave the text.
type bounded struct {
	transport   *reach.Discreet
	allowsPlain func(*url.URL) bool
}

// RoundTrip implements [http.RoundTripper].
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !b.allowsPlain(r.URL) {
		return nil, errPlain
	}
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "shorepass")
	response, err := b.transport.RoundTrip(r)
	if err != nil {
		if errors.Is(r.Context().Err(), context.DeadlineExceeded) {
			b.transport.CloseIdleConnections() // what died unseen took others along
		}
		return nil, err
	}
	defer response.Body.Close()
	if err := redirectFault(r, response); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxBody: // what is cut off could still be read as something
		return nil, errTooLarge
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// CloseIdleConnections closes the connections that are not in use.
func (b *bounded) CloseIdleConnections() { b.transport.CloseIdleConnections() }

// operation runs f for the time that one request may take. what is done stands in front
// of the error.
func operation(ctx context.Context, what string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, operationTimeout, errNoAnswer)
	defer cancel()
	begun := time.Now()
	err := f(ctx)
	if err == nil {
		return nil
	}
	var request *url.Error
	switch {
	case ctx.Err() != nil:
		if err = context.Cause(ctx); errors.Is(err, errNoAnswer) && time.Since(begun) >= fairShare {
			err = connectors.Unreachable(err)
		}
	case errors.As(err, &request):
		err = request.Err // what is done names the address, and a redirect's may be long
		if !errors.Is(err, errTooLarge) {
			err = connectors.Unreachable(err)
		}
	}
	return fmt.Errorf("%s: %w", what, reach.Mend(err, reach.Advice(err)))
}
