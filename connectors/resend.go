package connectors

import "context"

type resendKey struct{}

// WithResend returns a context in which [MayResend] is what may says.
func WithResend(ctx context.Context, may func() bool) context.Context {
	return context.WithValue(ctx, resendKey{}, may)
}

// MayResend reports whether a [Directory] may send the password of a login once more, after a
// try that is in doubt: see [InDoubt]. Each such try counts, whatever comes of the login, so
// that this is to be asked for nothing else, and only where another try is to follow.
func MayResend(ctx context.Context) bool {
	may, ok := ctx.Value(resendKey{}).(func() bool)
	return !ok || may() // nobody counts
}
