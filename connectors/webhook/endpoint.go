package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/files"
	"github.com/shorepass/shorepass/internal/keypair"
	"github.com/shorepass/shorepass/internal/reach"
)

// The bounds of an answer, in bytes: 5,000 groups of 200 fit.
const (
	maxBody   = 1 << 20
	maxHeader = 64 << 10
)

// The connections: how many there are, and how many are kept for how long.
// Servers that let go of one after five seconds, as Node's do, are not met half-way.
const (
	leastConnections = 32 // more where more logins may be asked about at once
	maxIdle          = 8
	idleTimeout      = 4 * time.Second
)

// fairShare is the time that an endpoint has to answer in where a login has waited; with less
// it is not asked.
const fairShare = time.Second

var errNoAnswer = errors.New("it did not answer in time")

// endpoint is what is asked. It is safe for concurrent use.
type endpoint struct {
	shown   string // its address, for messages
	target  string // its address, for package net/http
	key     []byte
	timeout time.Duration
	locates bool
	hung    *atomic.Bool    // it has not answered somebody's password, and no probe since
	slots   chan struct{}   // one token for each question that is under way
	kept    *reach.Discreet // whose connections are kept
	fresh   *reach.Discreet // whose connections are new, each for one question
}

// newEndpoint reads the files that the configuration names, and never dials.
func newEndpoint(c *Config, deps connectors.Deps) (*endpoint, error) {
	u, err := parseURL(c.URL)
	if err != nil {
		return nil, fmt.Errorf("url %w", err)
	}
	key, err := c.key()
	if err != nil {
		return nil, fmt.Errorf("secret %w", err)
	}
	encryption, err := c.encryption(deps.Logger)
	if err != nil {
		return nil, err
	}
	atOnce := connections(deps.AtOnce)
	transport := &http.Transport{
		TLSClientConfig:        encryption,
		DisableCompression:     true, // what is unpacked would have no bound
		MaxConnsPerHost:        atOnce,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeader,
	}
	e := &endpoint{shown: c.URL, target: c.URL, key: key, timeout: c.Timeout, locates: c.Locate, hung: deps.Hung.Of(c.URL), slots: make(chan struct{}, atOnce)}
	if u.Scheme == "unix" {
		e.target = "http://localhost/"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", u.Path)
		}
	}
	once := transport.Clone()
	once.DisableKeepAlives = true
	e.kept, e.fresh = reach.NewDiscreet(transport), reach.NewDiscreet(once)
	return e, nil
}

// encryption is how TLS is spoken with the endpoint.
func (c *Config) encryption(logger *slog.Logger) (*tls.Config, error) {
	roots, err := files.CertPool("ca_file", string(c.CAFile))
	if err != nil {
		return nil, err
	}
	encryption := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	if c.ClientCertificate == nil {
		return encryption, nil
	}
	pair, err := keypair.Load(string(c.ClientCertificate.CertFile), string(c.ClientCertificate.KeyFile), logger)
	if err != nil {
		return nil, fmt.Errorf("client_certificate: %w", err)
	}
	if err := pair.Expired(time.Now()); err != nil { // it may be renewed in place
		logger.Warn("client_certificate: the endpoint refuses it; renew it", slog.Any("error", err))
	}
	encryption.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.Current(), nil }
	return encryption, nil
}

// ask returns the endpoint's answer, of a result that the action has and that is one. Its
// errors are outages, and hold nothing of what was asked or answered, nor the address.
func (e *endpoint) ask(ctx context.Context, q question) (answer, error) {
	body, err := e.post(ctx, e.key, q)
	if err != nil {
		return answer{}, err
	}
	a, err := decode(body)
	switch {
	case err != nil:
		return answer{}, fmt.Errorf("its answer cannot be read: %w", err)
	case !slices.Contains(results(q.Action, e.locates), a.Result):
		return answer{}, fmt.Errorf("it answers %s with %s", q.Action, a.Result)
	case a.Result == resultUnavailable:
		return answer{}, errors.New("it says that it is unavailable")
	case a.Result == resultUnsupported && q.Action != actionProbe:
		return answer{}, fmt.Errorf("it does not know the action %s", q.Action)
	}
	return a, nil
}

// post sends a question as soon as there is a connection for it, and returns the body of the
// answer. What was not answered for the wait alone fails with [connectors.ErrBusy].
func (e *endpoint) post(ctx context.Context, key []byte, q question) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(connectors.CountWaits(ctx), maxTimeAlone, errNoAnswer)
	defer cancel()
	began := time.Now()
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
	}
	connectors.Waited(ctx, began)
	if end, _ := ctx.Deadline(); ctx.Err() != nil || connectors.CutShort(ctx, time.Until(end), min(fairShare, e.timeout)) {
		return nil, fmt.Errorf("%w: waiting for one of %d busy connections", connectors.ErrBusy, cap(e.slots))
	}
	began = time.Now()
	body, err := e.send(ctx, key, q)
	if err != nil && ctx.Err() != nil && connectors.CutShort(ctx, time.Since(began), e.timeout) {
		return nil, fmt.Errorf("%w: there was little time left to answer in: %w", connectors.ErrBusy, err)
	}
	return body, err
}

// send sends a question, signed with the key, and returns the body of the answer. A password
// that it has sent in vain is in doubt.
func (e *endpoint) send(ctx context.Context, key []byte, q question) ([]byte, error) {
	q.Version = version
	asked, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.timeout, errNoAnswer)
	defer cancel()
	if q.Password == "" {
		ctx = connectors.WithResend(ctx, func() bool { return true }) // nothing is counted
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.target, bytes.NewReader(asked))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "shorepass")
	sign(request.Header, key, asked, time.Now())
	body, err := e.exchange(request)
	var lost unanswered
	if !errors.As(err, &lost) {
		return body, err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e.kept.CloseIdleConnections() // what died unseen took others along
	}
	if ctx.Err() != nil {
		if lost.error = context.Cause(ctx); errors.Is(lost, errNoAnswer) {
			lost.error = connectors.Unreachable(lost.error)
		}
	}
	if lost.sent && q.Password != "" {
		e.hung.Store(true)
		return nil, connectors.InDoubt(lost)
	}
	return nil, lost
}

// exchange sends a request and returns the body of an answer that is one. Where there is none
// at all it fails with [unanswered].
func (e *endpoint) exchange(request *http.Request) ([]byte, error) {
	response, err := e.roundTrip(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // read as far as it counts
	status := response.StatusCode
	fault := reach.Mend(fmt.Errorf("it answers with the status %d", status), statusAdvice(status))
	switch {
	case status == http.StatusBadGateway || status == http.StatusGatewayTimeout: // by what stands in front of it
		return nil, unanswered{connectors.Unreachable(fault), true}
	case status >= http.StatusInternalServerError:
		return nil, connectors.Unreachable(fault)
	case status != http.StatusOK:
		return nil, fault
	}
	if kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, errors.New("its answer is not of the type application/json")
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, unanswered{connectors.Unreachable(fmt.Errorf("its answer breaks off: %w", err)), true}
	case len(body) > maxBody:
		return nil, fmt.Errorf("its answer is larger than %d bytes", maxBody)
	}
	return body, nil
}

// told is the error of a request that got no answer, with what to do about it. The address
// stands in front of it already.
func told(err error) error {
	advice := reach.Advice(err)
	var network *net.OpError
	if errors.As(err, &network) {
		err = network.Err
	}
	return reach.Mend(err, advice)
}

// statusAdvice says what a status other than 200 most likely means. None says anything
// about a user.
func statusAdvice(status int) string {
	switch {
	case status >= 300 && status < 400:
		return "a redirect is not followed; set url to where it leads"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return "it does not take the signature; compare secret, and the clocks of both machines"
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return "there is no endpoint at this address; check url"
	case status == http.StatusTooManyRequests:
		return "it limits how often it is asked"
	case status >= http.StatusInternalServerError:
		return "it has a fault, or something in front of it"
	}
	return "an answer has the status 200"
}
