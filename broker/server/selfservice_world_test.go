package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/shorepass/shorepass/broker/server"
)

// TestBehindAPrefix holds that the API works below any path that a proxy puts before it,
// by what it says itself: the description, and where a new token is.
func TestBehindAPrefix(t *testing.T) {
	clock := new(ticks)
	p := openPeople(t, clock, openStore(t, clock), "", "corp")
	behind, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(http.StripPrefix("/shore", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }}))
	t.Cleanup(proxy.Close)
	ask := func(method, address, content string) (*http.Response, []byte) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("alice", "alice-pw")
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, body
	}
	document := proxy.URL + "/shore/api/v1/openapi.yaml"
	response, body := ask(get, document, "")
	_, rest, ok := strings.Cut(string(body), "\nservers:\n  - url: ")
	where, _, _ := strings.Cut(rest, "\n")
	if response.StatusCode != 200 || !ok {
		t.Fatalf("%s %s", response.Status, body)
	}
	// RFC 3986 §5, as OpenAPI 3.1 has it of the URL of a server.
	root, err := response.Request.URL.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	response, body = ask(post, root.JoinPath("tokens").String(), wish)
	var made server.MadeToken
	if err := json.Unmarshal(body, &made); response.StatusCode != 201 || err != nil {
		t.Fatalf("%s: %s %s %v", root, response.Status, body, err)
	}
	at, err := response.Request.URL.Parse(response.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if response, body = ask(get, at.String(), ""); response.StatusCode != 200 || !strings.Contains(string(body), made.ID) {
		t.Errorf("%s: %s %s", at, response.Status, body)
	}
	if response, body = ask(get, root.JoinPath("nothing").String(), ""); response.StatusCode != 404 || strings.Contains(string(body), "/api/v1") {
		t.Errorf("%s: %s", response.Status, body)
	}
}

// TestCrowd holds that one person has few requests worked on at a time, and that those
// that are refused are recorded.
func TestCrowd(t *testing.T) {
	p, unlock := openLocked(t)
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			response, err := http.DefaultClient.Do(p.request(t, exchange{method: post, path: api, user: ofAlice, content: wish}))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			if response.StatusCode != 503 || response.Header.Get("Retry-After") == "" {
				t.Errorf("%s %v", response.Status, response.Header)
			}
		})
	}
	wait.Wait()
	busy := 0
	for _, e := range p.Entries(t) {
		if e.Reason == "busy" {
			busy++
		}
	}
	if busy == 0 || busy > 12 {
		t.Errorf("%d of 20 were refused unseen", busy)
	}
	unlock()
	response, err := http.DefaultClient.Do(p.request(t, exchange{method: post, path: api, user: ofAlice, content: wish}))
	if err != nil {
		t.Fatal(err)
	}
	if _ = response.Body.Close(); response.StatusCode != 201 {
		t.Errorf("afterwards: %s", response.Status)
	}
}

// TestNamesake holds that nobody reaches the tokens of an account of another connector that
// has the same id.
func TestNamesake(t *testing.T) {
	clock := new(ticks)
	p := openPeople(t, clock, openStore(t, clock), "", "corp")
	ask := func(user, method, path, content string) (int, string) {
		t.Helper()
		response, err := http.DefaultClient.Do(p.request(t, exchange{method: method, path: path, user: user, content: content}))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		p.note(body)
		return response.StatusCode, string(body)
	}
	users := []string{ofAlice, "yalice:x"}
	for _, user := range users {
		if status, body := ask(user, post, api, wish); status != 201 {
			t.Fatalf("%s: %d %s", user, status, body)
		}
	}
	for i, user := range users {
		own, others := p.ids[i], p.ids[1-i]
		if _, body := ask(user, get, api+"?all=true", ""); !strings.Contains(body, own) || strings.Contains(body, others) {
			t.Errorf("%s sees %s", user, body)
		}
		for _, method := range []string{get, remove} {
			if status, body := ask(user, method, api+"/"+others, ""); status != 404 {
				t.Errorf("%s: %s: %d %s", user, method, status, body)
			}
		}
		if status, body := ask(user, get, api+"/"+own, ""); status != 200 || !strings.Contains(body, `"status":"live"`) {
			t.Errorf("%s: %d %s", user, status, body)
		}
	}
}
