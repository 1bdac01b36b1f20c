package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/gorilla/mux"

	"github.com/shorepass/shorepass/broker"
)

// Tokens answers token requests; [broker.Broker] does.
type Tokens interface {
	Token(ctx context.Context, r broker.Request) (broker.Response, error)
}

// Trust is what the registries of a realm need to check its tokens.
type Trust interface {
	JWKS() []byte        // RFC 7517
	Bundle() []byte      // PEM certificates; empty where there are none
	Certificate() []byte // one PEM certificate, of the key of services with trust jwks; empty where there is none
}

// Config is what is answered on the public listener.
type Config struct {
	Tokens         Tokens
	Realms         map[string]Trust
	SelfService    *SelfService   // nil: nothing is below /api/
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	Logger         *slog.Logger
}

// shortPath is that of the token endpoint, as registries are told of it.
const shortPath = "/token"

// tokenPaths are the token endpoint's paths: the short one, and Keycloak's, so that a registry
// which was set up for Keycloak moves over by changing a host name. The last form
// is the one in Keycloak's documentation.
func tokenPaths() []string {
	return []string{
		shortPath,
		"/realms/{realm}/protocol/docker-v2/auth",
		"/auth/realms/{realm}/protocol/docker-v2/auth",
		"/realms/{realm}/protocol/docker-v2",
		"/auth/realms/{realm}/protocol/docker-v2",
	}
}

// New returns the handler of the public listener, which lets any number of requests in: see
// [Gate].
func New(cfg Config) http.Handler {
	s := &server{Config: cfg}
	r := mux.NewRouter().SkipClean(true)
	for _, path := range tokenPaths() {
		route(r, path, handler(s.token).ServeHTTP, http.MethodGet, http.MethodPost)
	}
	route(r, "/realms/{realm}/keys", s.keys, http.MethodGet, http.MethodHead)
	route(r, "/realms/{realm}/ca.pem", s.bundle, http.MethodGet, http.MethodHead)
	if cfg.SelfService != nil {
		cfg.SelfService.routes(r)
	}
	r.NotFoundHandler = http.HandlerFunc(notFound)
	return s.around(s.straight(r))
}

// straight answers what nearly all ask for; a router finds it, too, and takes longer.
func (s *server) straight(router http.Handler) handler {
	others := inContext(router)
	return func(ctx context.Context, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == shortPath && (r.Method == http.MethodGet || r.Method == http.MethodPost) {
			s.token(ctx, w, r)
			return
		}
		others(ctx, w, r)
	}
}

type server struct{ Config }

// route serves path for the methods, and tells others which there are.
func route(r *mux.Router, path string, h http.HandlerFunc, methods ...string) {
	r.HandleFunc(path, h).Methods(methods...)
	r.HandleFunc(path, notAllowed(methods))
}

// token is the token endpoint: GET after the distribution token specification, POST after its OAuth2 one.
func (s *server) token(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	meta := metaOf(ctx)
	request := parse(w, r)
	request.ID, request.ClientIP = meta.requestID, meta.clientIP
	if request.Credentials != nil {
		request.Credentials.RemoteIP = meta.clientIP
	}
	response, err := s.Tokens.Token(ctx, request)
	if err != nil {
		fail(w, broker.AsError(err), meta.requestID)
		return
	}
	grant(w, response, r.Method == http.MethodPost)
}

// keys serves a realm's JWKS (RFC 7517).
func (s *server) keys(w http.ResponseWriter, r *http.Request) {
	if t, ok := s.Realms[mux.Vars(r)["realm"]]; ok {
		send(w, "application/jwk-set+json", t.JWKS())
		return
	}
	notFound(w, r)
}

// bundle serves a realm's trust bundle, a registry's rootcertbundle.
func (s *server) bundle(w http.ResponseWriter, r *http.Request) {
	if t, ok := s.Realms[mux.Vars(r)["realm"]]; ok {
		if bundle := t.Bundle(); len(bundle) > 0 {
			send(w, "application/pem-certificate-chain", bundle)
			return
		}
	}
	notFound(w, r)
}
