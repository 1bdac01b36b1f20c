package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/gorilla/mux"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
)

// Guards stand between logins and the directories.
type Guards interface {
	// Of returns what they do for a user name, as somebody would type it, in a realm. Where
	// the one or the other is empty, all are meant. It fails where no realm that is meant
	// takes such a user name.
	Of(realm, username string) (Guarded, error)

	// ClearNetworks forgets how many logins have failed from client networks in a range. It
	// returns how many of them may try again.
	ClearNetworks(in netip.Prefix) int
}

// Guarded is what the guards do for whom is meant.
type Guarded interface {
	// Forget has the directories asked again. It returns how many of their answers are
	// forgotten.
	Forget() int

	// Lockouts returns what is held against accounts and clients.
	Lockouts() []Lockout

	// ClearLockouts forgets it, with the passwords that were refused. It returns how many
	// those were that are forgotten.
	ClearLockouts() int
}

// Lockout is what is held against an account, a name that nobody knows, a client network,
// or everybody.
type Lockout struct {
	// Of an account or a name.
	User       string   `json:"user,omitempty"`       // as the account goes by; where that is not known, as it was typed
	ID         string   `json:"id,omitempty"`         // of the account; left out where its name alone is known
	Connectors []string `json:"connectors,omitempty"` // to which logins came for it: realm/connector; of a name that nobody knows, the realm
	Refused    int      `json:"refused"`              // how many different passwords were refused that are remembered
	Counted    int      `json:"counted"`              // how many of those the directory has counted as wrong
	Budget     int      `json:"budget"`               // how many it may; 0: any number

	Network string `json:"network,omitempty"` // of a client network: which
	Limit   string `json:"limit,omitempty"`   // which of the limits of failed logins is spent
	Until   string `json:"until,omitempty"`   // RFC 3339, UTC: when the next login is let through; left out: now
	From    string `json:"from,omitempty"`    // where the last refused login came from
	Last    string `json:"last,omitempty"`    // RFC 3339, UTC: when
}

// Cleared is the answer to a wish to clear lockouts.
type Cleared struct {
	Cleared int `json:"cleared"` // how many
}

// Forgotten is the answer to a wish to forget.
type Forgotten struct {
	Forgotten int `json:"forgotten"` // how many answers of directories
}

// The acts on guards, as the audit log has them.
const (
	actClearCache    = "clear-cache"
	actClearLockouts = "clear-lockouts"
)

// guardRoutes serves what administrators do with the guards.
func (a *Admin) guardRoutes(r *mux.Router) {
	route(r, "/v1/cache", a.clearCache, http.MethodDelete)
	r.HandleFunc("/v1/lockouts", a.clearLockouts).Methods(http.MethodDelete)
	route(r, "/v1/lockouts", a.listLockouts, http.MethodGet, http.MethodDelete)
}

func (a *Admin) listLockouts(w http.ResponseWriter, r *http.Request) {
	if _, of, ok := a.guardQuery(w, r); ok {
		sendJSON(w, http.StatusOK, append([]Lockout{}, of.Lockouts()...))
	}
}

func (a *Admin) clearLockouts(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("network") {
		a.clearNetworks(w, r)
		return
	}
	if of, ok := a.guardAct(w, r, actClearLockouts); ok {
		sendJSON(w, http.StatusOK, Cleared{of.ClearLockouts()})
	}
}

// clearNetworks clears what is held against clients, which is of no realm and no user.
func (a *Admin) clearNetworks(w http.ResponseWriter, r *http.Request) {
	params, fault := parseQuery(r, "network")
	if fault != nil {
		failAccess(w, badRequest(fault))
		return
	}
	networks, err := parseNetworks(params.Get("network"))
	if err != nil {
		failAccess(w, badRequest(malformed("bad-query", err.Error())))
		return
	}
	entry := broker.Act(metaOf(r.Context()).requestID, "", actClearLockouts, nil)
	entry.Networks = []string{networks.String()}
	if a.recordGuardAct(w, r, entry) {
		sendJSON(w, http.StatusOK, Cleared{a.Guards.ClearNetworks(networks)})
	}
}

// parseNetworks reads which client networks are meant, by the address of a client or by a
// range.
func parseNetworks(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return connectors.ClientNetwork(address), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil || network.Addr().Is4In6() {
		return netip.Prefix{}, errors.New("network: neither an address nor a range of addresses, as 192.0.2.7 and 192.0.2.0/24 are")
	}
	return network.Masked(), nil
}

func (a *Admin) clearCache(w http.ResponseWriter, r *http.Request) {
	if of, ok := a.guardAct(w, r, actClearCache); ok {
		sendJSON(w, http.StatusOK, Forgotten{of.Forget()})
	}
}

// guardAct reads whom an act is about, and records it. It has answered where it fails.
func (a *Admin) guardAct(w http.ResponseWriter, r *http.Request, act string) (of Guarded, ok bool) {
	params, of, ok := a.guardQuery(w, r)
	if !ok {
		return nil, false
	}
	entry := broker.Act(metaOf(r.Context()).requestID, params.Get("realm"), act, nil)
	entry.Username = connectors.WithoutTokens(params.Get("user"))
	return of, a.recordGuardAct(w, r, entry)
}

// recordGuardAct records an act: what cannot be recorded is not done. It has answered where
// it fails.
func (a *Admin) recordGuardAct(w http.ResponseWriter, r *http.Request, entry broker.Entry) bool {
	entry.UID = peerUID(r.Context())
	if err := a.Auditor.Record(context.WithoutCancel(r.Context()), entry); err != nil {
		a.Logger.Error("an act on guards could not be recorded", slog.String("act", entry.Act), slog.Any("error", err))
		refuse(w, http.StatusInternalServerError, "UNKNOWN", "server_error", "this could not be recorded in the audit log, and was not done: "+err.Error())
		return false
	}
	return true
}

// guardQuery reads the parameters, and returns who is meant. It has answered where it fails.
func (a *Admin) guardQuery(w http.ResponseWriter, r *http.Request) (params url.Values, of Guarded, ok bool) {
	params, fault := parseQuery(r, "realm", "user")
	switch realm := params.Get("realm"); {
	case fault != nil:
		failAccess(w, badRequest(fault))
	case len(params.Get("user")) > connectors.MaxUsername:
		failAccess(w, badRequest(malformed("bad-query", "user: no user name is so long")))
	case realm != "" && a.Realms[realm] == nil:
		noSuchRealm(w, realm)
	default:
		of, err := a.Guards.Of(realm, params.Get("user"))
		if err == nil {
			return params, of, true
		}
		failAccess(w, badRequest(malformed("bad-query", "user: "+err.Error())))
	}
	return nil, nil, false
}
