package webhook

import (
	"context"
	"net"
	"reflect"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// QuestionType is the type of a question.
func QuestionType() reflect.Type { return reflect.TypeFor[question]() }

// Answer is what has been read of an endpoint's answer.
type Answer = answer

// Decode reads an answer.
func Decode(body []byte) (Answer, error) { return decode(body) }

// Signature is that of a body which is sent with the id at the time.
func Signature(key []byte, id, timestamp string, body []byte) string {
	return signature(key, id, timestamp, body)
}

// Fields are those of an answer with a result.
func Fields(result string) []string { return fields(result) }

// Results are those of an answer to an action.
func Results(action string, locates bool) []string { return results(action, locates) }

// Reasons are those that an endpoint may give.
func Reasons() []connectors.Reason { return reasons() }

// Actions are those of questions.
func Actions() []string {
	return []string{actionLocate, actionVerify, actionResolve, actionProbe}
}

// IdleTimeout is how long connections of a directory that is no resolver are kept.
func IdleTimeout(d connectors.Directory) time.Duration {
	return d.(*Directory).endpoint.kept.IdleConnTimeout
}

// DialBy has a directory that is no resolver dial so. It is not in use yet.
func DialBy(d connectors.Directory, dial func(ctx context.Context, network, addr string) (net.Conn, error)) {
	e := d.(*Directory).endpoint
	e.kept.DialContext, e.fresh.DialContext = dial, dial
}

// The bounds.
const (
	MaxGroups = maxGroups
	MaxText   = maxText
	Version   = version
)
