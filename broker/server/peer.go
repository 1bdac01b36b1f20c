package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
)

// peerKey is the context key of the number of the user at the other end of a socket.
type peerKey struct{}

// AdminHTTP returns a server of the API of an [Admin] for the admin socket, which knows the
// user at its other end.
func AdminHTTP(h http.Handler, logger *slog.Logger) *http.Server {
	s := HTTP(h, nil, logger)
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		unix, ok := c.(*net.UnixConn)
		if !ok {
			return ctx
		}
		if uid, ok := uidOf(unix); ok {
			ctx = context.WithValue(ctx, peerKey{}, uid)
		}
		return ctx
	}
	return s
}

// peerUID is the number of the user that sent a request; nil where it is not known.
func peerUID(ctx context.Context) *uint32 {
	if uid, ok := ctx.Value(peerKey{}).(uint32); ok {
		return &uid
	}
	return nil
}
