package staff_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const token = "service-token-2c19"

// startService starts the upstream: the service that the connector is for, as a
// process of its own would be.
func startService(tb testing.TB) *httptest.Server {
	tb.Helper()
	type person struct {
		ID       string   `json:"id"`
		Name     string   `json:"name"`
		Groups   []string `json:"groups"`
		Disabled bool     `json:"disabled"`
	}
	people := map[string]person{
		"alice": {ID: "7", Name: "Alice", Groups: []string{"platform", "on-call"}},
		"carol": {ID: "9", Name: "carol", Groups: []string{}, Disabled: true},
	}
	passwords := map[string]string{"7": "alice-password", "9": "carol-password"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /person", func(w http.ResponseWriter, r *http.Request) {
		p, ok := people[strings.ToLower(r.URL.Query().Get("name"))]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(p)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		var login struct{ ID, Password string }
		if err := json.NewDecoder(r.Body).Decode(&login); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if passwords[login.ID] != login.Password {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	tb.Cleanup(server.Close)
	return server
}
