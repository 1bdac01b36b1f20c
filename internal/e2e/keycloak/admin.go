package keycloak

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Ask asks the admin API, as its administrator. path is below /admin/realms/. answer,
// where it is not nil, is filled from the JSON of the answer.
func (s *Server) Ask(ctx context.Context, method, path string, body, answer any) error {
	token, err := s.adminToken(ctx)
	if err != nil {
		return err
	}
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, s.URL+"/admin/realms/"+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	return s.do(r, answer)
}

func (s *Server) adminToken(ctx context.Context) (string, error) {
	return s.token(ctx, "master", url.Values{"client_id": {"admin-cli"}, "username": {admin}, "password": {adminPassword}})
}

// Wake signs somebody in to a realm, as the client in the form, until that takes no longer
// than half a second. The first logins take several on a machine that has much else to do,
// which is longer than people wait for one.
func (s *Server) Wake(ctx context.Context, realm string, form url.Values) error {
	for deadline := time.Now().Add(readyWithin); ; time.Sleep(500 * time.Millisecond) {
		begun := time.Now()
		_, err := s.token(ctx, realm, form)
		if err == nil && time.Since(begun) < 500*time.Millisecond {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("the last login to %s took %s", realm, time.Since(begun)), err)
		}
	}
}

// token signs somebody in to a realm, by password.
func (s *Server) token(ctx context.Context, realm string, form url.Values) (string, error) {
	form.Set("grant_type", "password")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Issuer(realm)+"/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		Token string `json:"access_token"`
	}
	err = s.do(r, &answer)
	return answer.Token, err
}

func (s *Server) do(r *http.Request, answer any) error {
	response, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode/100 != 2:
		return fmt.Errorf("%s %s: %s: %s", r.Method, r.URL.Path, response.Status, content)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(content, answer)
}

// Rotate gives the realm a new key to sign with, and keeps the others.
func (s *Server) Rotate(ctx context.Context, realm string) error {
	var existing []any
	if err := s.Ask(ctx, http.MethodGet, realm+"/components?type=org.keycloak.keys.KeyProvider", nil, &existing); err != nil {
		return err
	}
	priority := fmt.Sprint(100 + len(existing)) // the highest signs
	return s.Ask(ctx, http.MethodPost, realm+"/components", map[string]any{
		"name": "rotated " + priority, "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
		"config": map[string][]string{"priority": {priority}, "enabled": {"true"}, "active": {"true"}, "algorithm": {"RS256"}},
	}, nil)
}

// Unlock forgets the failed logins that brute-force protection has counted.
func (s *Server) Unlock(ctx context.Context, realm string) error {
	return s.Ask(ctx, http.MethodDelete, realm+"/attack-detection/brute-force/users", nil, nil)
}

// Failures are what brute-force protection has counted against an account.
type Failures struct {
	Failed int  `json:"numFailures"`
	Locked bool `json:"disabled"` // its right password is refused, too
}

// Failures returns what is counted against an account of the realm.
func (s *Server) Failures(ctx context.Context, realm, username string) (f Failures, err error) {
	var found []struct {
		ID string `json:"id"`
	}
	if err := s.Ask(ctx, http.MethodGet, realm+"/users?exact=true&username="+url.QueryEscape(username), nil, &found); err != nil {
		return f, err
	}
	if len(found) != 1 {
		return f, fmt.Errorf("%d users are called %q", len(found), username)
	}
	err = s.Ask(ctx, http.MethodGet, realm+"/attack-detection/brute-force/users/"+found[0].ID, nil, &f)
	return f, err
}
