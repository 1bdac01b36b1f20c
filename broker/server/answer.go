package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/shorepass/shorepass/broker"
)

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

// grant writes a token. Both names of it are there: clients differ in which they read.
// This is encoding/json's part, done by hand since the answer is long and the same but
// for one text: a token is base64url and dots (RFC 7515 §7.1), which need no escapes.
// expires_in is in seconds, issued_at a time of RFC 3339 in UTC.
func grant(w http.ResponseWriter, r broker.Response, oauth bool) {
	var scope string
	if oauth && len(r.Access) > 0 {
		quoted, _ := json.Marshal(r.Scope()) // a string: cannot fail
		scope = `,"scope":` + string(quoted)
	}
	expiresIn, issuedAt := strconv.Itoa(int(r.ExpiresIn/time.Second)), r.IssuedAt.UTC().Format(time.RFC3339)
	sendText(w, http.StatusOK, []byte(`{"token":"`+r.Token+`","access_token":"`+r.Token+`"`+scope+`,"expires_in":`+expiresIn+`,"issued_at":"`+issuedAt+`"}`))
}

// fail writes a failure as the status table has it.
func fail(w http.ResponseWriter, e *broker.Error, requestID string) {
	row := rowOf(e.Kind)
	message, code := e.Message, row.oauth
	if e.Kind == broker.Internal {
		message += askFor(requestID)
	}
	if e.Code != "" {
		code = e.Code
	}
	if row.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", seconds(e.RetryAfter))
	}
	refuse(w, row.status, row.registry, code, message)
}

// challenge asks for a user name and a password (RFC 7617 §2.1).
const challenge = `Basic realm="shorepass", charset="UTF-8"`

// askFor says whom to tell of a fault that is ours.
func askFor(requestID string) string {
	return ": tell whoever runs this registry, with the request ID " + requestID
}

func refuse(w http.ResponseWriter, status int, registry, oauth, message string) {
	sendJSON(w, status, newRefusal(registry, oauth, message))
}

func newRefusal(registry, oauth, message string) refusal {
	return refusal{
		Errors:           [1]registryError{{Code: registry, Message: message}},
		Details:          message,
		Error:            oauth,
		ErrorDescription: message,
	}
}

func sendJSON(w http.ResponseWriter, status int, body any) {
	content, err := json.Marshal(body)
	if err != nil { // strings and numbers alone: cannot be
		status, content = http.StatusInternalServerError, nil
	}
	sendText(w, status, content)
}

// sendText sends what is JSON already.
func sendText(w http.ResponseWriter, status int, content []byte) {
	sendAs(w, "application/json", status, content)
}

// sendAs sends what nobody but the client may keep.
func sendAs(w http.ResponseWriter, contentType string, status int, content []byte) {
	w.Header().Set("Content-Type", contentType)
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
