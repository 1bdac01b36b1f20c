package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/shorepass/shorepass/broker"
)

func fault(kind broker.Kind, field, reason, format string, args ...any) *broker.Error {
	return &broker.Error{Kind: kind, Field: field, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// invalid is a fault of one field of [Spec] or [Filter], by its JSON name.
func invalid(field, format string, args ...any) *broker.Error {
	return fault(broker.Malformed, field, "bad-"+field, format, args...)
}

// unavailable is a failure of the database.
func unavailable(cause error) *broker.Error {
	return &broker.Error{Kind: broker.Unavailable, Reason: "database", Message: "the database of access tokens cannot be used at the moment", Cause: cause}
}

// gone reports whether whoever asked no longer waits: nobody's outage.
func gone(err error) bool { return errors.Is(err, context.Canceled) }
