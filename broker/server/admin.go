package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/broker/token"
)

// Keys is what an administrator does with a realm's keys.
type Keys interface {
	broker.KeyRing
	Keys() []token.KeyInfo
}

// The names of the files that registries need, in the API.
const (
	FileBundle      = "bundle"      // what Bundle of [Trust] returns
	FileJWKS        = "jwks"        // what JWKS returns
	FileCertificate = "certificate" // what Certificate returns
)

// Admin serves the administration API on a socket that only the process's own user
// may open: whoever reaches it is an administrator.
type Admin struct {
	Realms  map[string]Keys
	Trust   map[string]Trust
	Tokens  *access.Service
	Guards  Guards
	Backup  func(ctx context.Context, keysOnly bool) (Archive, error)
	Auditor broker.Auditor
	Logger  *slog.Logger
}

// Handler serves the API.
func (a *Admin) Handler() http.Handler {
	r := mux.NewRouter().SkipClean(true)
	route(r, "/v1/realms/{realm}/keys", a.list, http.MethodGet)
	route(r, "/v1/realms/{realm}/acts/{act}", a.act, http.MethodPost)
	route(r, "/v1/realms/{realm}/files/{file}", a.file, http.MethodGet)
	route(r, "/v1/backup", a.backup, http.MethodPost)
	a.tokenRoutes(r)
	a.guardRoutes(r)
	r.NotFoundHandler = http.HandlerFunc(notFound)
	return (&server{Config: Config{Logger: a.Logger}}).around(inContext(r))
}

func (a *Admin) list(w http.ResponseWriter, r *http.Request) {
	keys, ok := a.Realms[mux.Vars(r)["realm"]]
	if !ok {
		noRealm(w, r)
		return
	}
	sendJSON(w, http.StatusOK, keys.Keys())
}

func (a *Admin) file(w http.ResponseWriter, r *http.Request) {
	trust, ok := a.Trust[mux.Vars(r)["realm"]]
	if !ok {
		noRealm(w, r)
		return
	}
	if content := File(trust, mux.Vars(r)["file"]); len(content) > 0 {
		send(w, "application/octet-stream", content)
		return
	}
	notFound(w, r)
}

// File returns a file that registries need, by its name in the API; empty where the realm
// has no such file.
func File(t Trust, name string) []byte {
	switch name {
	case FileBundle:
		return t.Bundle()
	case FileJWKS:
		return t.JWKS()
	case FileCertificate:
		return t.Certificate()
	}
	return nil
}

// act does what an administrator asks of a realm's keys. Whether it is early for that is
// overridden by force=true.
func (a *Admin) act(w http.ResponseWriter, r *http.Request) {
	realm, requestID := mux.Vars(r)["realm"], metaOf(r.Context()).requestID
	act := token.Act(mux.Vars(r)["act"])
	if !act.Known() {
		notFound(w, r)
		return
	}
	keys, ok := a.Realms[realm]
	if !ok {
		noRealm(w, r)
		return
	}
	key, err := broker.KeyAct{
		RequestID: requestID, Realm: realm, Act: act, Force: r.URL.Query().Get("force") == "true", UID: peerUID(r.Context()),
	}.Do(r.Context(), keys, a.Auditor)
	var refusal token.Refusal
	switch {
	case errors.As(err, &refusal):
		refuse(w, http.StatusConflict, "DENIED", "invalid_request", err.Error())
	case err != nil:
		a.Logger.Error("an act on keys failed", slog.String("realm", realm), slog.String("act", string(act)), slog.Any("error", err))
		// An administrator is told the cause.
		refuse(w, http.StatusInternalServerError, "UNKNOWN", "server_error", err.Error())
	default:
		sendJSON(w, http.StatusOK, key)
	}
}

// noRealm tells whoever has a newer configuration than the process.
func noRealm(w http.ResponseWriter, r *http.Request) { noSuchRealm(w, mux.Vars(r)["realm"]) }

func noSuchRealm(w http.ResponseWriter, realm string) {
	refuse(w, http.StatusNotFound, "UNSUPPORTED", "invalid_request",
		"the process that serves has no realm "+realm+": if the realm is new, send it SIGHUP, so that it reads its configuration again")
}

// ErrorText returns what a refusal of this package says, or the body itself.
func ErrorText(body []byte) string {
	var r refusal
	if json.Unmarshal(body, &r) == nil && r.Details != "" {
		return r.Details
	}
	return string(body)
}
