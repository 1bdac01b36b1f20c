package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// provider checks passwords by the password grant of an OpenID provider.
type provider struct {
	tokenURL, clientID, clientSecret string
	client                           http.Client
}

// open prepares as many kept connections as the directory has.
func (p *provider) open() {
	p.client.Transport = &http.Transport{MaxIdleConnsPerHost: poolSize}
}

// authenticate takes any ID token for a proof.
func (p *provider) authenticate(username, password string) error {
	form := url.Values{"grant_type": {"password"}, "scope": {"openid profile email"}, "username": {username}, "password": {password}}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(p.clientID, p.clientSecret)
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		IDToken string `json:"id_token"`
	}
	switch err := json.NewDecoder(response.Body).Decode(&answer); {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("the grant: %s", response.Status)
	case answer.IDToken == "":
		return errors.New("no ID token")
	}
	return nil
}
