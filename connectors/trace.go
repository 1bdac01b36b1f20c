package connectors

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Step is one step of a login, a lookup or a probe: for an operator who wants to see
// where it goes wrong. It never holds a secret.
type Step struct {
	Name   string        // what was done, in a word or two: "connect", "search"
	Detail string        // to what, and what came of it
	Took   time.Duration // how long it took
	Err    error         // nil where it succeeded
	Fix    string        // what to do about Err; without Err, advice; may be empty
}

// traceKey is the context key of the function that steps are reported to.
type traceKey struct{}

// WithTrace returns a context whose steps are reported to report, one at a time, in
// the manner of net/http/httptrace; to nobody where that is nil.
func WithTrace(ctx context.Context, report func(Step)) context.Context {
	return context.WithValue(ctx, traceKey{}, report)
}

// StartStep begins a step, which ends when finish is called with the step without
// Name and Took. finish is nil where nobody listens, so that a connector puts
// nothing into words for nobody.
func StartStep(ctx context.Context, name string) (finish func(Step)) {
	report, ok := ctx.Value(traceKey{}).(func(Step))
	if !ok || report == nil {
		return nil
	}
	begun := time.Now()
	return func(s Step) {
		s.Name, s.Took = name, time.Since(begun)
		report(s)
	}
}

// Listed names items, such as groups, for the detail of a step: fifty, and how many more.
func Listed(items []string) string {
	if len(items) == 0 {
		return "none"
	}
	const most = 50
	text := strings.Join(items[:min(len(items), most)], ", ")
	if more := len(items) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Prober is implemented by connectors and directories that can tell, without anybody's
// password, whether people could sign in.
type Prober interface {
	// Probe does what logins need of the upstream, as far as that takes no user's
	// password, and reports every step to the trace of ctx. It fails where people
	// could not sign in, and with an [errors.ErrUnsupported] where it cannot tell.
	Probe(ctx context.Context) error
}

// Finder is implemented by connectors that can find a user by what a client would
// type, without a password.
type Finder interface {
	// Find returns the identity that a login with this user name would give. It fails
	// as [Directory.Locate] and [Resolver] do, and with an [errors.ErrUnsupported]
	// where a password is needed to find anybody.
	Find(ctx context.Context, username string) (Identity, error)
}

// Diagnoser is implemented by connectors and directories that can look for a user whom
// they do not know.
type Diagnoser interface {
	// Diagnose reports to the trace of ctx, as steps with advice, what keeps the user of
	// this name, who is not known, from being found. It is for an operator who asks: it
	// looks further than a login does, and may take longer.
	Diagnose(ctx context.Context, username string)
}
