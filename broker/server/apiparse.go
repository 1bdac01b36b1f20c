package server

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/access"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/strictjson"
)

// The reasons for which a request has a status of its own.
const (
	reasonNoSelfService = "no-self-service"
	reasonTooLarge      = "too-large"
	reasonContentType   = "bad-content-type"
)

// parseQuery reads the parameters of a query, each of which must be known and there once.
func parseQuery(r *http.Request, known ...string) (url.Values, *broker.Error) {
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, malformed("bad-query", "the query string cannot be read: check its escapes")
	}
	for name := range params {
		if !slices.Contains(known, name) {
			return nil, ofField(name, malformed("bad-query", fmt.Sprintf("there is no parameter %.100q here, only %s", connectors.WithoutTokens(name), strings.Join(known, ", "))))
		}
		if _, fault := single(params, name); fault != nil {
			return nil, fault
		}
	}
	return params, nil
}

// parseSpec reads the content of a request for a token. No page of another site can have
// a browser send this media type without asking first, which is answered with no.
func parseSpec(w http.ResponseWriter, r *http.Request) (access.Spec, *broker.Error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset, given := params["charset"]; err != nil || kind != "application/json" || given && !strings.EqualFold(charset, "utf-8") {
		return access.Spec{}, malformed(reasonContentType, "the content type must be application/json")
	}
	if encoding := strings.Join(r.Header.Values("Content-Encoding"), ","); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return access.Spec{}, malformed(reasonContentType, "the content must come as it is, without a Content-Encoding")
	}
	var spec access.Spec
	fault := readObject(w, r, specFields(&spec))
	return spec, fault
}

// specFields are the fields of a specification that everybody may give.
func specFields(s *access.Spec) map[string]any {
	return map[string]any{"name": &s.Name, "scopes": &s.Scopes, "networks": &s.Networks, "expires": &s.Expires}
}

// readObject reads the content of a request, as [strictjson.Object] has it.
func readObject(w http.ResponseWriter, r *http.Request, fields map[string]any) *broker.Error {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return malformed(reasonTooLarge, fmt.Sprintf("the content is larger than %d bytes", maxBody))
	case err != nil:
		return malformed("bad-content", "the content cannot be read whole: check its length")
	}
	err = strictjson.Object(content, fields)
	var field *strictjson.FieldError
	switch {
	case errors.As(err, &field):
		return ofField(field.Field, malformed("bad-content", connectors.WithoutTokens(err.Error())))
	case err != nil:
		return malformed("bad-content", err.Error())
	}
	return nil
}
