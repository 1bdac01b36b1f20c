package access

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/shorepass/shorepass/broker"
)

// reasonGone is why an act failed whose client hung up: nobody's outage.
const reasonGone = "client-gone"

// record records an act and what became of it. It fails with err, or where the act could
// not be recorded.
func (s *Service) record(ctx context.Context, e broker.Entry, err error) error {
	if err != nil {
		failure := broker.AsError(err)
		e.Outcome, e.Reason = string(failure.Kind), failure.Reason
		if gone(err) {
			e.Reason = reasonGone
		}
		if (failure.Kind == broker.Unavailable || failure.Kind == broker.Internal) && failure.Cause != nil && !gone(err) {
			s.config.Logger.ErrorContext(ctx, "an act on access tokens failed", slog.String("request_id", e.RequestID),
				slog.String("realm", e.Realm), slog.String("act", e.Act), slog.Any("error", err))
		}
		err = failure
	}
	e.LatencyMS = float64(time.Since(e.Time).Microseconds()) / 1000
	// Whoever has gone away must not keep an act out of the record.
	if recordErr := s.config.Auditor.Record(context.WithoutCancel(ctx), e); recordErr != nil {
		s.config.Logger.ErrorContext(ctx, "an act on access tokens could not be recorded", slog.String("request_id", e.RequestID),
			slog.String("realm", e.Realm), slog.String("act", e.Act), slog.Any("error", recordErr))
		if err == nil {
			err = &broker.Error{Kind: broker.Internal, Reason: "audit", Message: "this could not be recorded in the audit log, and was not done", Cause: recordErr}
		}
	}
	return err
}

// Busy records that an act was not tried, since too much else is under way, and returns the
// failure.
func (s *Service) Busy(ctx context.Context, by Actor, realm, what string) error {
	return s.record(ctx, by.entry(act(what), realm), &broker.Error{Kind: broker.Unavailable, Reason: "busy", Message: "too many requests are under way: try again when one of yours is answered"})
}

// recordDone is record for what cannot be undone.
func (s *Service) recordDone(ctx context.Context, e broker.Entry, err error) error {
	failure := s.record(ctx, e, err)
	if err == nil && failure != nil {
		return &broker.Error{Kind: broker.Internal, Reason: "audit", Message: "this was done, but could not be recorded in the audit log", Cause: errors.Unwrap(failure)}
	}
	return failure
}
