package server

import (
	"net/http"
	"strings"

	"github.com/shorepass/shorepass/broker"
)

// row is what one kind of failure looks like to a client.
type row struct {
	status   int
	registry string // errors[0].code, of the distribution specification
	oauth    string // error, of RFC 6749 §5.2
	title    string // of a problem, RFC 9457 §3.1.3
}

// The kinds of failure that HTTP alone has, and the API for people alone tells of.
const (
	kindNotAllowed broker.Kind = "method-not-allowed"
	kindTooLarge   broker.Kind = "too-large"
	kindMediaType  broker.Kind = "unsupported-media-type"
)

// rowOf is the status table: the one place that turns a kind into a status.
func rowOf(k broker.Kind) row {
	switch k {
	case broker.Malformed:
		return row{http.StatusBadRequest, "UNSUPPORTED", "invalid_request", "The request has a fault"}
	case broker.Unauthenticated:
		return row{http.StatusUnauthorized, "UNAUTHORIZED", "invalid_grant", "Not signed in"}
	case broker.Forbidden:
		return row{http.StatusForbidden, "DENIED", "access_denied", "Not allowed"}
	case broker.NotFound:
		return row{http.StatusNotFound, "UNSUPPORTED", "invalid_request", "There is no such thing"}
	case broker.Conflict:
		return row{http.StatusConflict, "UNSUPPORTED", "invalid_request", "What there is stands in the way"}
	case kindNotAllowed:
		return row{status: http.StatusMethodNotAllowed, title: "There is no such method here"}
	case kindTooLarge:
		return row{status: http.StatusRequestEntityTooLarge, title: "The content is too large"}
	case kindMediaType:
		return row{status: http.StatusUnsupportedMediaType, title: "The content is no JSON"}
	case broker.Throttled:
		return row{http.StatusTooManyRequests, "TOOMANYREQUESTS", "temporarily_unavailable", "Too many attempts"}
	case broker.Unavailable:
		return row{http.StatusServiceUnavailable, "UNAVAILABLE", "temporarily_unavailable", "Not possible at the moment"}
	}
	return row{http.StatusInternalServerError, "UNKNOWN", "server_error", "Something went wrong"}
}

// notFound answers for paths and realms that do not exist.
func notFound(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusNotFound, "UNSUPPORTED", "invalid_request", "there is nothing at this path: check the realm URL in the registry's configuration")
}

// notAllowed answers for methods that a path does not have.
func notAllowed(methods []string) http.HandlerFunc {
	allow := strings.Join(methods, ", ")
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", allow)
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "invalid_request", "this path answers to "+allow+" alone")
	}
}
