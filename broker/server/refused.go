package server

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/shorepass/shorepass/broker"
)

// refused is a refusal whose body was made beforehand, for when there is no time.
type refused struct {
	status int
	length string
	body   []byte
}

func newRefused(e *broker.Error) refused {
	row := rowOf(e.Kind)
	body, _ := json.Marshal(newRefusal(row.registry, row.oauth, e.Message)) // texts alone: cannot fail
	return refused{row.status, strconv.Itoa(len(body)), body}
}

// send is what around and fail do together, without the rest.
func (f refused) send(w http.ResponseWriter, retryAfter string) {
	h := w.Header()
	h.Set("X-Request-Id", rand.Text())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Retry-After", retryAfter)
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", f.length)
	w.WriteHeader(f.status)
	_, _ = w.Write(f.body) // a client that has gone needs no answer
}
