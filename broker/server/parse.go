package server

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/gorilla/mux"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/connectors"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 64 << 10

// parse reads a token request. What it cannot accept becomes the request's Fault.
func parse(w http.ResponseWriter, r *http.Request) broker.Request {
	request := broker.Request{Realm: mux.Vars(r)["realm"], UserAgent: r.UserAgent()}
	params, fault := parameters(w, r)
	if fault != nil {
		request.Fault = fault
		return request
	}
	request.Scopes, request.Account = params["scope"], params.Get("account")
	if request.Service, request.Fault = single(params, "service"); request.Fault != nil {
		return request
	}
	basic, fault := basicCredentials(r)
	if fault == nil && r.Method == http.MethodPost {
		basic, fault = formCredentials(params, basic)
	}
	if fault != nil {
		request.Fault = fault
		return request
	}
	request.Credentials = basic
	return request
}

// parameters returns the query of a GET and the form of a POST.
func parameters(w http.ResponseWriter, r *http.Request) (url.Values, *broker.Error) {
	if r.Method != http.MethodPost {
		values, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, malformed("bad-query", "the query string cannot be read: check its escapes")
		}
		return values, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, malformed("bad-content-type", "the content type must be application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	err = r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, malformed("too-large", fmt.Sprintf("the body is larger than %d bytes", maxBody))
	case err != nil:
		return nil, malformed("bad-form", "the form cannot be read: check its length and its escapes")
	}
	return r.PostForm, nil
}

// basicCredentials reads the Authorization header (RFC 7617). No header is no
// credentials; one that cannot be read is never taken for none.
func basicCredentials(r *http.Request) (*connectors.Credentials, *broker.Error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return nil, nil
	}
	username, password, ok := r.BasicAuth()
	if !ok || len(headers) > 1 || username == "" && password == "" {
		return nil, badAuthorization()
	}
	return &connectors.Credentials{Username: username, Password: connectors.NewSecret(password)}, nil
}

func badAuthorization() *broker.Error {
	return &broker.Error{
		Kind:    broker.Unauthenticated,
		Reason:  "bad-authorization",
		Message: "the Authorization header cannot be read: send one, with Basic and a user name and password",
	}
}

// formCredentials reads the credentials of a POST, whose grant type says where they
// stand.
func formCredentials(form url.Values, basic *connectors.Credentials) (*connectors.Credentials, *broker.Error) {
	grantType, fault := single(form, "grant_type")
	switch {
	case fault != nil:
		return nil, fault
	case grantType == "password":
		return passwordGrant(form, basic)
	case grantType == "refresh_token":
		return refreshGrant(form, basic)
	case grantType == "":
		return nil, malformed("no-grant-type", "the parameter grant_type is missing: want password")
	}
	fault = malformed("bad-grant-type", "this grant_type is not supported: want password")
	fault.Code = "unsupported_grant_type"
	return nil, fault
}

// passwordGrant reads the credentials of an OAuth2 password grant (RFC 6749 §4.3)
// from the form, or from the header where the form has none.
func passwordGrant(form url.Values, basic *connectors.Credentials) (*connectors.Credentials, *broker.Error) {
	if !form.Has("username") && !form.Has("password") {
		if basic == nil {
			return nil, malformed("no-credentials", "the parameters username and password are missing")
		}
		return basic, nil
	}
	if basic != nil {
		return nil, twoCredentials()
	}
	username, fault := single(form, "username")
	if fault != nil {
		return nil, fault
	}
	password, fault := single(form, "password")
	if fault != nil {
		return nil, fault
	}
	return &connectors.Credentials{Username: username, Password: connectors.NewSecret(password)}, nil
}

// refreshGrant reads the token of an OAuth2 refresh grant (RFC 6749 §6). It comes
// without a user name, as it does in the header that containerd falls back to.
func refreshGrant(form url.Values, basic *connectors.Credentials) (*connectors.Credentials, *broker.Error) {
	token, fault := single(form, "refresh_token")
	switch {
	case fault != nil:
		return nil, fault
	case token == "":
		return nil, malformed("no-credentials", "the parameter refresh_token is missing")
	case basic != nil:
		return nil, twoCredentials()
	}
	return &connectors.Credentials{Password: connectors.NewSecret(token), Refresh: true}, nil
}

// single returns a parameter that may be given once; the same value again is none
// the worse.
func single(params url.Values, name string) (string, *broker.Error) {
	values := params[name]
	for _, v := range values {
		if v != values[0] {
			return "", ofField(name, malformed("repeated-parameter", fmt.Sprintf("the parameter %s is given more than once", name)))
		}
	}
	return strings.Join(values[:min(1, len(values))], ""), nil
}

func twoCredentials() *broker.Error {
	return malformed("two-credentials", "send the credentials once: in the Authorization header or in the form")
}

// ofField is a fault of one field or parameter, whose name may be anybody's.
func ofField(name string, fault *broker.Error) *broker.Error {
	fault.Field = connectors.WithoutTokens(fmt.Sprintf("%.100s", name))
	return fault
}

func malformed(reason, message string) *broker.Error {
	return &broker.Error{Kind: broker.Malformed, Reason: reason, Message: message}
}
