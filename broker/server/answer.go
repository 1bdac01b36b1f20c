package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/shorepass/shorepass/broker"
)

// answer is the body of a granted request. Both names of the token are there:
// clients differ in which they read.
type answer struct {
	Token       string `json:"token"`
	AccessToken string `json:"access_token"`
	Scope       string `json:"scope,omitempty"`
	ExpiresIn   int    `json:"expires_in"` // seconds
	IssuedAt    string `json:"issued_at"`  // RFC 3339, UTC
}

// refusal is the body of every failure: the forms of the registry API, of OAuth2
// and of docker login in one, since each client shows another field.
type refusal struct {
	Errors           [1]registryError `json:"errors"`
	Details          string           `json:"details"`
	Error            string           `json:"error"`
	ErrorDescription string           `json:"error_description"`
}

type registryError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// grant writes a token.
func grant(w http.ResponseWriter, r broker.Response, oauth bool) {
	body := answer{
		Token:       r.Token,
		AccessToken: r.Token,
		ExpiresIn:   int(r.ExpiresIn / time.Second),
		IssuedAt:    r.IssuedAt.UTC().Format(time.RFC3339),
	}
	if oauth {
		body.Scope = r.Scope()
	}
	sendJSON(w, http.StatusOK, body)
}

// fail writes a failure as the status table has it.
func fail(w http.ResponseWriter, e *broker.Error, requestID string) {
	row := rowOf(e.Kind)
	message, code := e.Message, row.oauth
	if e.Kind == broker.Internal {
		message += ": tell whoever runs this registry, with the request ID " + requestID
	}
	if e.Code != "" {
		code = e.Code
	}
	if row.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="shorepass", charset="UTF-8"`)
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	refuse(w, row.status, row.registry, code, message)
}

func refuse(w http.ResponseWriter, status int, registry, oauth, message string) {
	sendJSON(w, status, refusal{
		Errors:           [1]registryError{{Code: registry, Message: message}},
		Details:          message,
		Error:            oauth,
		ErrorDescription: message,
	})
}

func sendJSON(w http.ResponseWriter, status int, body any) {
	content, err := json.Marshal(body)
	if err != nil { // strings and numbers alone: cannot be
		status, content = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(content))) // an answer with a certificate in it would go out in chunks
	w.WriteHeader(status)
	_, _ = w.Write(content) // a client that has gone needs no answer
}

// send writes public data that may change with the next rotation.
func send(w http.ResponseWriter, contentType string, content []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(content)
}
