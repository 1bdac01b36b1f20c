package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/gorilla/mux"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/connectors"
)

// SelfService is the API by which people look after their own access tokens;
// openapi.yaml describes it.
type SelfService struct {
	Realms []string // that let their people do so; of none, every request is told that
	People People
	Tokens *access.Service

	crowd crowd
}

// People says who sent a request; [broker.Broker] does.
type People interface {
	SignIn(ctx context.Context, r broker.Request) (connectors.Identity, error)
}

// routes serves the API.
func (a *SelfService) routes(r *mux.Router) {
	apiRoute(r, "/api/v1/openapi.yaml", map[string]http.HandlerFunc{http.MethodGet: description})
	apiRoute(r, "/api/v1/tokens", map[string]http.HandlerFunc{http.MethodGet: a.list, http.MethodPost: a.create})
	apiRoute(r, "/api/v1/tokens/{id}", map[string]http.HandlerFunc{http.MethodGet: a.show, http.MethodDelete: a.revoke})
	r.PathPrefix(apiRoot).HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sendProblem(w, r, problem{kind: broker.NotFound, Detail: "there is nothing at this path: what there is stands in openapi.yaml, beside tokens"})
	})
}

func (a *SelfService) create(w http.ResponseWriter, r *http.Request) {
	asked, _ := a.parse(r, "create-token")
	spec, fault := parseSpec(w, r)
	if asked.Fault == nil {
		asked.Fault = fault
	}
	a.answer(w, r, asked, func(ctx context.Context, by access.Actor) error {
		spec.Realm = asked.Realm
		made, err := a.Tokens.Create(ctx, by, spec)
		if err != nil {
			return err
		}
		w.Header().Set("Location", location(r, made.Token))
		sendMade(w, r, a.Tokens, by, made)
		return nil
	})
}

func (a *SelfService) list(w http.ResponseWriter, r *http.Request) {
	asked, params := a.parse(r, "list-tokens", "after", "limit", "all")
	var filter access.Filter
	if asked.Fault == nil {
		filter, asked.Fault = tokenFilter(params)
	}
	filter.Realm = asked.Realm
	a.answer(w, r, asked, func(ctx context.Context, by access.Actor) error {
		page, err := tokenPage(ctx, a.Tokens, by, filter)
		if err != nil {
			return err
		}
		sendJSON(w, http.StatusOK, page)
		return nil
	})
}

func (a *SelfService) show(w http.ResponseWriter, r *http.Request) {
	a.one(w, r, "show-token", func(ctx context.Context, by access.Actor, realm, id string) (any, error) {
		return a.Tokens.Get(ctx, by, realm, id)
	})
}

func (a *SelfService) revoke(w http.ResponseWriter, r *http.Request) {
	a.one(w, r, "revoke-token", func(ctx context.Context, by access.Actor, realm, id string) (any, error) {
		return a.Tokens.Revoke(ctx, by, realm, id)
	})
}

// one does something with the token that the path names, and answers with it.
func (a *SelfService) one(w http.ResponseWriter, r *http.Request, act string, do func(ctx context.Context, by access.Actor, realm, id string) (any, error)) {
	asked, _ := a.parse(r, act)
	a.answer(w, r, asked, func(ctx context.Context, by access.Actor) error {
		t, err := do(ctx, by, asked.Realm, mux.Vars(r)["id"])
		if err != nil {
			return err
		}
		sendJSON(w, http.StatusOK, t)
		return nil
	})
}

// answer has the person sign in and does what was asked, or says what the problem is.
func (a *SelfService) answer(w http.ResponseWriter, r *http.Request, asked broker.Request, do func(context.Context, access.Actor) error) {
	identity, err := a.People.SignIn(r.Context(), asked)
	if err != nil {
		sendProblem(w, r, problemOf(broker.AsError(err)))
		return
	}
	by := access.Actor{
		RequestID: asked.ID, Asked: metaOf(r.Context()).arrived, Identity: &identity,
		Username: asked.Credentials.Username, ClientIP: asked.ClientIP, UserAgent: asked.UserAgent,
	}
	if leave, ok := a.crowd.enter(person{asked.Realm, identity.Connector, identity.ID}); ok {
		defer leave()
		err = do(r.Context(), by)
	} else {
		err = a.Tokens.Busy(r.Context(), by, asked.Realm, asked.Act)
	}
	if err != nil {
		sendProblem(w, r, problemOf(broker.AsError(err)))
	}
}

// parse reads all of a request but its content. What it cannot accept becomes the Fault.
func (a *SelfService) parse(r *http.Request, act string, known ...string) (broker.Request, url.Values) {
	meta := metaOf(r.Context())
	asked := broker.Request{ID: meta.requestID, ClientIP: meta.clientIP, UserAgent: r.UserAgent(), Act: act}
	params, fault := parseQuery(r, append(known, "realm")...)
	if fault == nil {
		asked.Realm, fault = a.realm(params)
	}
	if fault == nil {
		asked.Credentials, fault = basicCredentials(r)
	}
	// Without a name, the password would be taken for a token that stands for a login.
	if c := asked.Credentials; fault == nil && c != nil && c.Username == "" && !c.Password.Issued() {
		fault = badAuthorization()
	}
	if asked.Credentials != nil {
		asked.Credentials.RemoteIP = meta.clientIP
	}
	asked.Fault = fault
	return asked, params
}

// realm finds the realm of a request. Of one without self-service no more is said than
// of one that is not there.
func (a *SelfService) realm(params url.Values) (string, *broker.Error) {
	switch name := params.Get("realm"); {
	case len(a.Realms) == 0:
		return "", malformed(reasonNoSelfService, "no realm here lets people make access tokens themselves: ask whoever runs this for one")
	case slices.Contains(a.Realms, name):
		return name, nil
	case !params.Has("realm") && len(a.Realms) == 1:
		return a.Realms[0], nil
	case !params.Has("realm"):
		return "", ofField("realm", malformed("no-realm", "the parameter realm is missing: several realms let people make access tokens, ask whoever runs this which is yours"))
	}
	return "", ofField("realm", malformed(reasonNoSelfService, "no realm of that name lets people make access tokens themselves: ask whoever runs this"))
}

// location is where a token is, relative to the path of the request: what stands before
// that, a proxy may have changed.
func location(r *http.Request, t access.Token) string {
	path := "tokens/" + t.ID
	if r.URL.Query().Has("realm") {
		path += "?realm=" + t.Realm
	}
	return path
}
