package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/broker/token"
)

// administered starts the admin API over the keys of the realm corp. log gets its errors.
func administered(t *testing.T, auditor broker.Auditor, log io.Writer) (*httptest.Server, *token.Ring) {
	t.Helper()
	f := brokertest.New(t, "", brokertest.Realm{Name: "corp", Services: []string{"registry.corp"}, Policy: rules})
	ring := f.Rings["corp"]
	a := server.Admin{
		Realms: map[string]server.Keys{"corp": ring}, Trust: map[string]server.Trust{"corp": ring},
		Auditor: auditor, Logger: slog.New(slog.NewTextHandler(log, nil)),
	}
	s := httptest.NewServer(a.Handler())
	t.Cleanup(s.Close)
	return s, ring
}

func ask(t *testing.T, method, url string) (status int, text string) {
	t.Helper()
	response, err := http.DefaultClient.Do(request(t, method, url, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, server.ErrorText(raw)
}

func TestAdminActs(t *testing.T) {
	var entries acts
	var log strings.Builder
	s, ring := administered(t, &entries, &log)
	bundle := string(ring.Bundle())
	for _, tt := range []struct {
		method, path string
		status       int
		text         string
	}{
		{http.MethodPost, "corp/acts/rotate-keys", 200, `"use":"signing"`},
		{http.MethodPost, "corp/acts/activate-ca", 409, "there is no next CA"},
		{http.MethodPost, "corp/acts/publish-ca", 200, `"use":"next"`},
		{http.MethodPost, "corp/acts/activate-ca?force=1", 409, "--force"},
		{http.MethodPost, "corp/acts/activate-ca?force=true", 200, `"use":"issuing"`},
		{http.MethodPost, "corp/acts/publish-key", 200, `"activate_from":"20`},
		{http.MethodPost, "corp/acts/make-ca", 404, "nothing at this path"},
		{http.MethodGet, "corp/acts/rotate-keys", 405, "POST"},
		{http.MethodPost, "corp/acts/erase", 404, "nothing at this path"},
		{http.MethodPost, "lab/acts/rotate-keys", 404, "the process that serves has no realm lab: "},
		{http.MethodGet, "corp/keys", 200, `"use":"retired"`},
		{http.MethodGet, "lab/keys", 404, "the process that serves has no realm lab: "},
		{http.MethodGet, "corp/files/bundle", 200, bundle},
		{http.MethodGet, "corp/files/jwks", 200, `{"keys":[`},
		{http.MethodGet, "corp/files/certificate", 200, string(ring.Certificate())},
		{http.MethodGet, "corp/files/ca-key.pem", 404, ""},
		{http.MethodGet, "lab/files/bundle", 404, "the process that serves has no realm lab: "},
	} {
		status, text := ask(t, tt.method, s.URL+"/v1/realms/"+tt.path)
		if status != tt.status || !strings.Contains(strings.ReplaceAll(text, `": "`, `":"`), tt.text) {
			t.Errorf("%s %s: status %d, %s; want %d with %q", tt.method, tt.path, status, text, tt.status, tt.text)
		}
	}
	var got []string
	for i, e := range entries {
		if begun := i%2 == 0; begun != (e.Outcome == broker.OutcomeBegun) || begun && e.Act != entries[i+1].Act {
			t.Errorf("line %d of the audit log is %+v", i, e)
		} else if begun {
			continue
		}
		if e.Force != (e.Act == "activate-ca" && e.Outcome == broker.OutcomeGranted) {
			t.Errorf("forced: %+v", e)
		}
		if done := e.Outcome == broker.OutcomeGranted; done != (e.Key != "") || done != (e.Cause == "") {
			t.Errorf("key and cause: %+v", e)
		}
		got = append(got, e.Act+" "+e.Outcome)
	}
	const want = "rotate-keys granted, activate-ca conflict, publish-ca granted, activate-ca conflict, activate-ca granted, publish-key granted"
	if strings.Join(got, ", ") != want {
		t.Errorf("recorded %v", got)
	}
	if log.String() != "" {
		t.Errorf("refusals are logged as errors: %s", &log)
	}
}

// An act that cannot be recorded is not done.
func TestAdminActNotRecorded(t *testing.T) {
	s, ring := administered(t, broken{}, io.Discard)
	before, err := json.Marshal(ring.Keys())
	if err != nil {
		t.Fatal(err)
	}
	status, text := ask(t, http.MethodPost, s.URL+"/v1/realms/corp/acts/rotate-keys")
	if status != 500 || !strings.Contains(text, "rotate-keys could not be recorded in the audit log, and was not done: no space") {
		t.Errorf("status %d, %s", status, text)
	}
	if after, err := json.Marshal(ring.Keys()); err != nil || string(after) != string(before) {
		t.Errorf("it was done: %s (%v)", after, err)
	}
}

// acts keeps entries.
type acts []broker.Entry

func (r *acts) Record(_ context.Context, e broker.Entry) error {
	*r = append(*r, e)
	return nil
}

// broken records nothing.
type broken struct{}

func (broken) Record(context.Context, broker.Entry) error { return errors.New("no space") }
