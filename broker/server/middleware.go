package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
)

// meta is what is known of a request before it is parsed.
type meta struct {
	requestID string
	arrived   time.Time
	clientIP  netip.Addr // zero where it cannot be told
}

type metaKey struct{}

func metaOf(ctx context.Context) meta {
	m, _ := ctx.Value(metaKey{}).(meta)
	return m
}

// handler is one whose request has another context than its own.
type handler func(ctx context.Context, w http.ResponseWriter, r *http.Request)

// ServeHTTP makes it a handler of requests with their own context.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h(r.Context(), w, r) }

// asHandler makes any handler one of these.
func asHandler(h http.Handler) handler {
	switch h := h.(type) {
	case handler:
		return h
	case *Switch:
		return h.serve
	}
	return inContext(h)
}

// inContext has a handler know of the context by the request.
func inContext(next http.Handler) handler {
	return func(ctx context.Context, w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(ctx))
	}
}

// around gives every request an id and a log line, and turns a panic into an
// answer.
func (s *server) around(next handler) handler {
	return func(ctx context.Context, w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		m := meta{requestID: rand.Text(), arrived: started, clientIP: clientIP(r, s.TrustedProxies)}
		w.Header().Set("X-Request-Id", m.requestID)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		ctx, visit := connectors.Arriving(context.WithValue(ctx, metaKey{}, m))
		recorder := &statusRecorder{ResponseWriter: w, visit: visit}
		defer func() {
			if v := recover(); v != nil {
				s.panicked(recorder, r.WithContext(ctx), v)
			}
			if s.Logger.Enabled(r.Context(), slog.LevelDebug) {
				s.logRequest(r, m, recorder.status, time.Since(started))
			}
		}()
		next(ctx, recorder, r)
	}
}

// logRequest logs the path alone: a query may hold what somebody took for a safe place.
// So may a path, where the id of a token belongs.
func (s *server) logRequest(r *http.Request, m meta, status int, took time.Duration) {
	s.Logger.Debug("request", slog.String("request_id", m.requestID), slog.String("method", r.Method),
		slog.String("path", connectors.WithoutTokens(r.URL.Path)), slog.Int("status", status),
		slog.String("client_ip", textOf(m.clientIP)), slog.Duration("took", took))
}

// panicked answers for a handler that panicked. The panic's own text is shown only
// where the Go runtime wrote it: others might hold what a client sent.
func (s *server) panicked(w *statusRecorder, r *http.Request, v any) {
	requestID := metaOf(r.Context()).requestID
	text := fmt.Sprintf("panic of type %T", v)
	if err, ok := v.(runtime.Error); ok {
		text = err.Error()
	}
	s.Logger.Error("panic", slog.String("request_id", requestID), slog.String("error", text), slog.String("stack", string(debug.Stack())))
	switch {
	case w.status != 0: // an answer has begun
	case strings.HasPrefix(r.URL.Path, apiRoot):
		sendProblem(w, r, problemOf(broker.AsError(nil)))
	default:
		fail(w, broker.AsError(nil), requestID)
	}
}

// statusRecorder remembers the status for the log. With the first of the answer the request
// gives back its place: its client may read slowly.
type statusRecorder struct {
	http.ResponseWriter
	visit  *connectors.Visit
	status int
}

// WriteHeader notes the status and passes it on.
func (w *statusRecorder) WriteHeader(status int) {
	w.begin(status)
	w.ResponseWriter.WriteHeader(status)
}

// Write passes the bytes on; without a status before, it is 200.
func (w *statusRecorder) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

func (w *statusRecorder) begin(status int) {
	if w.status == 0 {
		w.status = status
		w.visit.End()
	}
}

// Unwrap lets http.ResponseController and http.MaxBytesReader reach the connection.
func (w *statusRecorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// clientIP returns the client's address: the peer's, or where the peer is a trusted
// proxy, the last address of X-Forwarded-For that is no trusted proxy's. It is the
// zero Addr where a trusted proxy says something that is no address.
func clientIP(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	ip := plain(peer.Addr())
	if !among(ip, trusted) {
		return ip
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && among(ip, trusted); i-- {
		hop := strings.TrimSpace(hops[i])
		if hop == "" && len(hops) == 1 {
			break // no such header
		}
		if ip = parseHop(hop); !ip.IsValid() {
			break
		}
	}
	return ip
}

// parseHop reads an address of X-Forwarded-For; some proxies add the port.
func parseHop(hop string) netip.Addr {
	if ip, err := netip.ParseAddr(strings.Trim(hop, "[]")); err == nil {
		return plain(ip)
	}
	if ap, err := netip.ParseAddrPort(hop); err == nil {
		return plain(ap.Addr())
	}
	return netip.Addr{}
}

// textOf is empty for an address that cannot be told.
func textOf(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

func plain(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }

func among(ip netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
