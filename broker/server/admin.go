package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/token"
)

// Keys is what an administrator does with a realm's keys.
type Keys interface {
	Keys() []token.KeyInfo
	Rotate() (token.KeyInfo, error)
	Bundle() []byte
}

// Admin serves the administration API on a socket that only the process's own user
// may open: whoever reaches it is an administrator.
type Admin struct {
	Realms  map[string]Keys
	Auditor broker.Auditor
	Logger  *slog.Logger
}

// Handler serves the API.
func (a *Admin) Handler() http.Handler {
	r := mux.NewRouter().SkipClean(true)
	route(r, "/v1/realms/{realm}/keys", a.list, http.MethodGet)
	route(r, "/v1/realms/{realm}/keys/rotate", a.rotate, http.MethodPost)
	route(r, "/v1/realms/{realm}/ca.pem", a.bundle, http.MethodGet)
	r.NotFoundHandler = http.HandlerFunc(notFound)
	return (&server{Config: Config{Logger: a.Logger}}).around(r)
}

func (a *Admin) list(w http.ResponseWriter, r *http.Request) {
	keys, ok := a.Realms[mux.Vars(r)["realm"]]
	if !ok {
		notFound(w, r)
		return
	}
	sendJSON(w, http.StatusOK, keys.Keys())
}

func (a *Admin) bundle(w http.ResponseWriter, r *http.Request) {
	keys, ok := a.Realms[mux.Vars(r)["realm"]]
	if !ok {
		notFound(w, r)
		return
	}
	send(w, "application/pem-certificate-chain", keys.Bundle())
}

func (a *Admin) rotate(w http.ResponseWriter, r *http.Request) {
	realm, requestID := mux.Vars(r)["realm"], metaOf(r.Context()).requestID
	keys, ok := a.Realms[realm]
	if !ok {
		notFound(w, r)
		return
	}
	key, err := keys.Rotate()
	auditErr := a.Auditor.Record(r.Context(), broker.Act(requestID, realm, "rotate-keys", err))
	if err == nil && auditErr != nil {
		err = fmt.Errorf("the keys were rotated, but that could not be recorded: %w", auditErr)
	}
	if err != nil {
		a.Logger.Error("rotating keys failed", slog.String("realm", realm), slog.Any("error", err))
		// An administrator is told the cause.
		refuse(w, http.StatusInternalServerError, "UNKNOWN", "server_error", err.Error())
		return
	}
	sendJSON(w, http.StatusOK, key)
}

// ErrorText returns what a refusal of this package says, or the body itself.
func ErrorText(body []byte) string {
	var r refusal
	if json.Unmarshal(body, &r) == nil && r.Details != "" {
		return r.Details
	}
	return string(body)
}
