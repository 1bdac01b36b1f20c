package server

import (
	_ "embed" // of the description
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// apiRoot is where the paths of the API begin.
const apiRoot = "/api/"

// openAPI is the description of the API for people (OpenAPI 3.1).
//
//go:embed openapi.yaml
var openAPI []byte

// description serves the description of the API; the media type is that of RFC 9512.
func description(w http.ResponseWriter, _ *http.Request) { send(w, "application/yaml", openAPI) }

// apiRoute serves path for the methods. Where there is GET, there is HEAD. OPTIONS says
// which there are, and never that a page of another site may use them.
func apiRoute(r *mux.Router, path string, handlers map[string]http.HandlerFunc) {
	methods := []string{http.MethodOptions}
	for method, h := range handlers {
		methods = append(methods, method)
		if method == http.MethodGet {
			methods = append(methods, http.MethodHead)
			r.HandleFunc(path, h).Methods(http.MethodHead)
		}
		r.HandleFunc(path, h).Methods(method)
	}
	slices.Sort(methods)
	allow := strings.Join(methods, ", ")
	r.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", allow)
		w.WriteHeader(http.StatusNoContent)
	}).Methods(http.MethodOptions)
	r.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		sendProblem(w, r, problem{kind: kindNotAllowed, Detail: "this path answers to " + allow + " alone"})
	})
}
