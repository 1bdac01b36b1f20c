package server

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gorilla/mux"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/access"
)

// maxPage is how many tokens an answer lists at most, and unless it is told how many.
const maxPage = 100

// TokenPage is an answer with some of the tokens there are, newest first.
type TokenPage struct {
	access.List
	Next string `json:"next,omitempty"` // the parameter "after" of the page that follows; left out: there is none
}

// MadeToken is a new token with its secret, which is shown this once.
type MadeToken struct {
	access.Token
	Secret   string   `json:"secret"`
	Warnings []string `json:"warnings,omitempty"`
}

// tokenRoutes serves what administrators do with access tokens.
func (a *Admin) tokenRoutes(r *mux.Router) {
	const tokens = "/v1/realms/{realm}/tokens"
	r.HandleFunc(tokens, a.createToken).Methods(http.MethodPost)
	route(r, tokens, a.listTokens, http.MethodGet, http.MethodPost)
	route(r, tokens+"/revoke-all", a.revokeTokens, http.MethodPost)
	r.HandleFunc(tokens+"/{id}", a.revokeToken).Methods(http.MethodDelete)
	route(r, tokens+"/{id}", a.showToken, http.MethodGet, http.MethodDelete)
	const anyRealm = "/v1/tokens/{id}" // that the token is of
	r.HandleFunc(anyRealm, a.revokeToken).Methods(http.MethodDelete)
	route(r, anyRealm, a.showToken, http.MethodGet, http.MethodDelete)
}

func (a *Admin) createToken(w http.ResponseWriter, r *http.Request) {
	var spec access.Spec
	fields := specFields(&spec)
	fields["owner"], fields["groups"] = &spec.Owner, &spec.Groups
	if fault := readObject(w, r, fields); fault != nil {
		failAccess(w, badRequest(fault))
		return
	}
	spec.Realm = mux.Vars(r)["realm"]
	by := administrator(r)
	made, err := a.Tokens.Create(r.Context(), by, spec)
	if err != nil {
		failAccess(w, err)
		return
	}
	sendMade(w, r, a.Tokens, by, made)
}

// sendMade answers with a new token. One whose client has gone, or whose answer cannot be
// sent, nobody has: it is taken back, and that is recorded.
func sendMade(w http.ResponseWriter, r *http.Request, tokens *access.Service, by access.Actor, made access.Created) {
	if r.Context().Err() == nil { // looked at before: who has the answer may go
		sendJSON(w, http.StatusCreated, MadeToken{Token: made.Token, Secret: made.Secret.Reveal(), Warnings: made.Warnings})
		if err := http.NewResponseController(w).Flush(); err == nil {
			return
		}
	}
	_, _ = tokens.Revoke(context.WithoutCancel(r.Context()), by, made.Token.Realm, made.Token.ID) // which logs its failures
}

func (a *Admin) listTokens(w http.ResponseWriter, r *http.Request) {
	params, fault := parseQuery(r, "owner", "all", "after", "limit")
	var filter access.Filter
	if fault == nil {
		filter, fault = tokenFilter(params)
	}
	if fault != nil {
		failAccess(w, badRequest(fault))
		return
	}
	filter.Realm, filter.Owner = mux.Vars(r)["realm"], params.Get("owner")
	page, err := tokenPage(r.Context(), a.Tokens, administrator(r), filter)
	answerAccess(w, page, err)
}

// tokenPage lists tokens. It asks for one more than are wanted, to know whether there is
// one.
func tokenPage(ctx context.Context, tokens *access.Service, by access.Actor, filter access.Filter) (TokenPage, error) {
	most := filter.Limit
	filter.Limit++
	list, err := tokens.List(ctx, by, filter)
	if err != nil {
		return TokenPage{}, err
	}
	page := TokenPage{List: list}
	if len(list.Tokens) > most {
		page.Tokens, page.Next = list.Tokens[:most], list.Tokens[most-1].Place()
	}
	return page, nil
}

// tokenFilter reads the parameters all, after and limit.
func tokenFilter(params url.Values) (access.Filter, *broker.Error) {
	f := access.Filter{After: params.Get("after"), Limit: maxPage}
	var err error
	if params.Has("all") {
		f.All = params.Get("all") == "true"
		if !f.All && params.Get("all") != "false" {
			return f, ofField("all", malformed("bad-query", "the parameter all is true or false"))
		}
	}
	if params.Has("limit") {
		if f.Limit, err = strconv.Atoi(params.Get("limit")); err != nil || f.Limit < 1 || f.Limit > maxPage {
			return f, ofField("limit", malformed("bad-query", fmt.Sprintf("the parameter limit is a number from 1 to %d", maxPage)))
		}
	}
	return f, nil
}

func (a *Admin) showToken(w http.ResponseWriter, r *http.Request) {
	t, err := a.Tokens.Get(r.Context(), administrator(r), mux.Vars(r)["realm"], mux.Vars(r)["id"])
	answerAccess(w, t, err)
}

func (a *Admin) revokeToken(w http.ResponseWriter, r *http.Request) {
	t, err := a.Tokens.Revoke(r.Context(), administrator(r), mux.Vars(r)["realm"], mux.Vars(r)["id"])
	answerAccess(w, t, err)
}

// revokeTokens takes back all tokens of an owner.
func (a *Admin) revokeTokens(w http.ResponseWriter, r *http.Request) {
	var owner string
	if fault := readObject(w, r, map[string]any{"owner": &owner}); fault != nil {
		failAccess(w, badRequest(fault))
		return
	}
	list, err := a.Tokens.RevokeAll(r.Context(), administrator(r), mux.Vars(r)["realm"], owner)
	answerAccess(w, list, err)
}

// administrator is who asks over the socket.
func administrator(r *http.Request) access.Actor {
	return access.Actor{RequestID: metaOf(r.Context()).requestID, Asked: metaOf(r.Context()).arrived, UID: peerUID(r.Context())}
}

func answerAccess(w http.ResponseWriter, body any, err error) {
	if err != nil {
		failAccess(w, err)
		return
	}
	sendJSON(w, http.StatusOK, body)
}

// failAccess tells an administrator what failed, the cause too.
func failAccess(w http.ResponseWriter, err error) {
	row := rowOf(broker.AsError(err).Kind)
	refuse(w, row.status, row.registry, row.oauth, err.Error())
}

// badRequest is a fault of a request, for an administrator.
func badRequest(fault *broker.Error) error {
	return &broker.Error{Kind: broker.Malformed, Message: fault.Message}
}
