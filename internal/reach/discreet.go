package reach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// errUnreadable stands for every error about what was answered.
var errUnreadable = errors.New("what it answers is not HTTP or has too long a header, or the connection broke")

// Discreet is a transport whose errors hold nothing of an answer. Package net/http quotes
// what it cannot read, and an answer may repeat what was asked: a password.
type Discreet struct{ *http.Transport }

// NewDiscreet returns t as such a transport. t must not be used yet.
func NewDiscreet(t *http.Transport) *Discreet {
	t.OnProxyConnectResponse = connected
	return &Discreet{t}
}

// connected fails, in the place of package net/http, where a proxy opens no tunnel: it may
// repeat its password.
func connected(_ context.Context, _ *url.URL, _ *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	return proxyStatus(response.StatusCode)
}

// proxyStatus is that of a proxy which opens no tunnel.
type proxyStatus int

// Error says it.
func (s proxyStatus) Error() string {
	return fmt.Sprintf("the proxy opens no tunnel, and answers with the status %d (%s)", int(s), http.StatusText(int(s)))
}

// RoundTrip implements [http.RoundTripper].
func (d *Discreet) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := d.Transport.RoundTrip(r)
	if err != nil {
		return nil, withoutQuotes(err)
	}
	response.Body = body{response.Body}
	return response, nil
}

// body is that of an answer.
type body struct{ io.ReadCloser }

// Read implements [io.Reader].
func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		err = withoutQuotes(err)
	}
	return n, err
}

// withoutQuotes is the part of err that is about the network, TLS or time, or that is the end
// of what is read; where it has none such, a fixed error.
func withoutQuotes(err error) error {
	var (
		proxy   proxyStatus
		network *net.OpError
		late    net.Error
	)
	switch {
	case errors.As(err, &network) && network.Op == "proxyconnect": // which may hold any other
		return &net.OpError{Op: network.Op, Net: network.Net, Err: withoutQuotes(network.Err)}
	case errors.As(err, &network):
		return network
	case errors.As(err, &proxy):
		return proxy
	case errors.As(err, &late) && late.Timeout():
		return late
	}
	for _, known := range []error{context.Canceled, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	if strings.HasPrefix(err.Error(), "tls: ") { // of a handshake, which the answer comes after
		return err
	}
	return errUnreadable
}
