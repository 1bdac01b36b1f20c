package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gorilla/mux"

	"github.com/shorepass/shorepass/broker/access"
)

// maxPage is how many tokens an answer lists at most, and unless it is told how many.
const maxPage = 500

// TokenPage is an answer with some of the tokens there are, newest first.
type TokenPage struct {
	Tokens []access.Token `json:"tokens"`
	Next   string         `json:"next,omitempty"` // the parameter "after" of the page that follows; left out: there is none
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
}

func (a *Admin) createToken(w http.ResponseWriter, r *http.Request) {
	var spec access.Spec
	if err := readJSON(w, r, &spec); err != nil {
		failAccess(w, err)
		return
	}
	spec.Realm = mux.Vars(r)["realm"]
	made, err := a.Tokens.Create(r.Context(), administrator(r), spec)
	if err != nil {
		failAccess(w, err)
		return
	}
	sendJSON(w, http.StatusCreated, MadeToken{Token: made.Token, Secret: made.Secret.Reveal(), Warnings: made.Warnings})
}

func (a *Admin) listTokens(w http.ResponseWriter, r *http.Request) {
	filter, err := tokenFilter(r.URL.RawQuery)
	if err != nil {
		failAccess(w, err)
		return
	}
	filter.Realm = mux.Vars(r)["realm"]
	page, err := a.page(r, filter)
	if err != nil {
		failAccess(w, err)
		return
	}
	sendJSON(w, http.StatusOK, page)
}

// page asks for one token more than are wanted, to know whether there is one.
func (a *Admin) page(r *http.Request, filter access.Filter) (TokenPage, error) {
	most := filter.Limit
	filter.Limit++
	tokens, err := a.Tokens.List(r.Context(), administrator(r), filter)
	if err != nil {
		return TokenPage{}, err
	}
	if len(tokens) <= most {
		return TokenPage{Tokens: tokens}, nil
	}
	return TokenPage{Tokens: tokens[:most], Next: tokens[most-1].Place()}, nil
}

// tokenFilter reads the parameters owner, all, after and limit.
func tokenFilter(query string) (access.Filter, error) {
	params, err := url.ParseQuery(query)
	if err != nil {
		return access.Filter{}, badRequest("the query string cannot be read: check its escapes")
	}
	for name, values := range params {
		switch name {
		case "owner", "all", "after", "limit":
		default:
			return access.Filter{}, badRequest(fmt.Sprintf("there is no parameter %.100q here: there are owner, all, after and limit", name))
		}
		if len(values) > 1 {
			return access.Filter{}, badRequest("the parameter " + name + " is there twice")
		}
	}
	f := access.Filter{Owner: params.Get("owner"), After: params.Get("after"), Limit: maxPage}
	if text := params.Get("all"); text != "" {
		if f.All, err = strconv.ParseBool(text); err != nil {
			return f, badRequest("the parameter all is true or false")
		}
	}
	if text := params.Get("limit"); text != "" {
		if f.Limit, err = strconv.Atoi(text); err != nil || f.Limit < 1 || f.Limit > maxPage {
			return f, badRequest(fmt.Sprintf("the parameter limit is a number from 1 to %d", maxPage))
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
	var whose struct {
		Owner string `json:"owner"`
	}
	if err := readJSON(w, r, &whose); err != nil {
		failAccess(w, err)
		return
	}
	tokens, err := a.Tokens.RevokeAll(r.Context(), administrator(r), mux.Vars(r)["realm"], whose.Owner)
	answerAccess(w, TokenPage{Tokens: tokens}, err)
}

// administrator is who asks over the socket.
func administrator(r *http.Request) access.Actor {
	return access.Actor{RequestID: metaOf(r.Context()).requestID, UID: peerUID(r.Context())}
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
	row := rowOfAccess(access.AsError(err).Kind)
	refuse(w, row.status, row.registry, row.oauth, err.Error())
}

// readJSON reads the body of a request strictly.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return badRequest("the body cannot be read: " + err.Error())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badRequest("something stands after the JSON object")
	}
	return nil
}

func badRequest(message string) error {
	return &access.Error{Kind: access.Malformed, Message: message}
}
