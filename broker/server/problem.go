package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/shorepass/shorepass/broker"
)

// problemTypes is where each kind of problem has its heading: the type of a problem is
// a URI (RFC 9457 §3.1.1), which leads whoever follows it to what it means.
const problemTypes = "https://github.com/shorepass/shorepass/blob/main/docs/problems.md#"

// retryAfter is when to try again where nothing else is known.
const retryAfter = 5 * time.Second

// problem is how the API for people tells of a failure (RFC 9457).
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Instance string `json:"instance"`        // the request id
	Field    string `json:"field,omitempty"` // what of the content or the query is at fault

	kind       broker.Kind // or one of those that HTTP alone has
	retryAfter time.Duration
}

// sendProblem answers a request with what its problem is.
func sendProblem(w http.ResponseWriter, r *http.Request, p problem) {
	p.Instance = metaOf(r.Context()).requestID
	p.Type = problemTypes + string(p.kind)
	row := rowOf(p.kind)
	p.Status, p.Title = row.status, row.title
	switch p.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", challenge)
	case http.StatusServiceUnavailable:
		p.retryAfter = max(p.retryAfter, retryAfter)
	case http.StatusInternalServerError:
		p.Detail += askFor(p.Instance)
	}
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", seconds(p.retryAfter))
	}
	content, err := json.Marshal(p)
	if err != nil { // strings and a number alone: cannot be
		content = nil
	}
	sendAs(w, "application/problem+json", p.Status, content)
}

// problemOf is the problem with a request, with who sent it, or with what was asked. Of
// causes, only the log tells.
func problemOf(e *broker.Error) problem {
	p := problem{kind: e.Kind, Detail: e.Message, Field: e.Field, retryAfter: e.RetryAfter}
	switch e.Reason {
	case reasonNoSelfService:
		p.kind = broker.NotFound
	case reasonTooLarge:
		p.kind = kindTooLarge
	case reasonContentType:
		p.kind = kindMediaType
	}
	return p
}

// seconds is a duration as Retry-After has it, rounded up.
func seconds(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }
