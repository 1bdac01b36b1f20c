package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// unanswered is why a question has no answer.
type unanswered struct {
	error
	sent bool // in whole, so that it may be acted upon all the same
}

// Unwrap returns the cause.
func (u unanswered) Unwrap() error { return u.error }

// roundTrip sends a request, over a connection that was kept if there is one. Where that turns
// out to be closed, it sends the same once more over a new one, which takes another try where
// it was sent a password: package net/http would try every one that was kept, and a wrong
// password count each time. It follows no redirect.
func (e *endpoint) roundTrip(request *http.Request) (*http.Response, error) {
	var reused, sent, answered atomic.Bool
	ctx := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		GetConn:              func(string) { sent.Store(false) },
		GotConn:              func(info httptrace.GotConnInfo) { reused.Store(info.Reused) },
		WroteRequest:         func(info httptrace.WroteRequestInfo) { sent.Store(info.Err == nil) }, // or is about to be
		GotFirstResponseByte: func() { answered.Store(true) },
	})
	response, err := e.kept.RoundTrip(request.WithContext(ctx))
	if err != nil && reused.Load() && !answered.Load() && ctx.Err() == nil && (!sent.Load() || connectors.MayResend(ctx)) {
		again := request.Clone(ctx)
		if again.Body, err = request.GetBody(); err != nil {
			return nil, err
		}
		response, err = e.fresh.RoundTrip(again)
	}
	if err != nil {
		return nil, unanswered{connectors.Unreachable(told(err)), sent.Load()}
	}
	return response, nil
}

// awake fails while the endpoint is known to hang. It does all that it was sent when it comes to
// itself, and may count each wrong password: one that has not answered somebody's is sent no
// other before it has answered a probe, be it by a refusal. Where it locates, it has just
// answered that.
func (d *Directory) awake(ctx context.Context) error {
	if d.config.Locate || !d.endpoint.hung.Load() {
		return nil
	}
	if _, err := d.probe(ctx); errors.As(err, new(unanswered)) || errors.Is(err, connectors.ErrBusy) {
		return fmt.Errorf("%w (it has not answered a password, and is sent no other before it answers a probe)", err)
	}
	d.endpoint.hung.Store(false)
	if end, ok := ctx.Deadline(); ok && time.Until(end) < min(fairShare, d.config.Timeout) {
		return d.placed(fmt.Errorf("%w: waiting for an endpoint that did not answer before", connectors.ErrBusy)) // it does now
	}
	return nil
}
