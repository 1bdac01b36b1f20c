package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/gorilla/mux"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
)

// Guards stand between logins and the directories. Where the realm is empty, all are meant,
// and likewise the user name, which is as somebody would type it.
type Guards interface {
	// Forget has the directories asked again. It returns how many of their answers are
	// forgotten.
	Forget(realm, username string) int
}

// Forgotten is the answer to a wish to forget.
type Forgotten struct {
	Forgotten int `json:"forgotten"` // how many answers of directories
}

// The acts on guards, as the audit log has them.
const actClearCache = "clear-cache"

// guardRoutes serves what administrators do with the guards.
func (a *Admin) guardRoutes(r *mux.Router) {
	route(r, "/v1/cache", a.clearCache, http.MethodDelete)
}

func (a *Admin) clearCache(w http.ResponseWriter, r *http.Request) {
	if realm, username, ok := a.guardAct(w, r, actClearCache); ok {
		sendJSON(w, http.StatusOK, Forgotten{a.Guards.Forget(realm, username)})
	}
}

// guardAct reads whom an act is about, and records it: what cannot be recorded is not done.
// It has answered where it fails.
func (a *Admin) guardAct(w http.ResponseWriter, r *http.Request, act string) (realm, username string, ok bool) {
	params, ok := a.guardQuery(w, r, "realm", "user")
	if !ok {
		return "", "", false
	}
	realm, username = params.Get("realm"), params.Get("user")
	entry := broker.Act(metaOf(r.Context()).requestID, realm, act, nil)
	entry.UID, entry.Username = peerUID(r.Context()), connectors.WithoutTokens(username)
	if err := a.Auditor.Record(context.WithoutCancel(r.Context()), entry); err != nil {
		a.Logger.Error("an act on guards could not be recorded", slog.String("act", act), slog.Any("error", err))
		refuse(w, http.StatusInternalServerError, "UNKNOWN", "server_error", "this could not be recorded in the audit log, and was not done: "+err.Error())
		return "", "", false
	}
	return realm, username, true
}

// guardQuery reads the parameters. It has answered where it fails.
func (a *Admin) guardQuery(w http.ResponseWriter, r *http.Request, known ...string) (params url.Values, ok bool) {
	params, fault := parseQuery(r, known...)
	switch realm := params.Get("realm"); {
	case fault != nil:
		failAccess(w, badRequest(fault))
	case len(params.Get("user")) > connectors.MaxUsername:
		failAccess(w, badRequest(malformed("bad-query", "user: no user name is so long")))
	case realm != "" && a.Realms[realm] == nil:
		noSuchRealm(w, realm)
	default:
		return params, true
	}
	return nil, false
}
