package staff

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

const (
	deadline = 2 * time.Second // of one question
	maxReply = 64 << 10        // bytes
)

// Directory asks the service.
type Directory struct {
	deps   connectors.Deps
	config Config
	client *http.Client
}

var _ connectors.Directory = (*Directory)(nil)

// New prepares and does not dial: a service that is down must not stop a start.
func New(c *Config, d connectors.Deps) (*Directory, error) {
	return &Directory{deps: d, config: *c, client: &http.Client{
		Timeout: deadline,
		// A password goes where the configuration says, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// person is what the service knows of somebody.
type person struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Groups   []string `json:"groups"`
	Disabled bool     `json:"disabled"`
}

// Locate asks the service for the person of a user name.
func (d *Directory) Locate(ctx context.Context, username string) (connectors.Account, error) {
	// In the query, where a name such as ".." is a name and not a way out of the path.
	status, body, err := d.ask(ctx, http.MethodGet, "/person?name="+url.QueryEscape(username), nil)
	switch {
	case err != nil:
		return connectors.Account{}, err
	case status == http.StatusNotFound:
		return connectors.Account{}, connectors.ErrNotMine
	case status != http.StatusOK:
		return connectors.Account{}, fmt.Errorf("the service answers %d for a person", status)
	}
	var p person
	if err := json.Unmarshal(body, &p); err != nil {
		return connectors.Account{}, fmt.Errorf("the service's person cannot be read: %w", err)
	}
	name, ok := d.deps.Form.Parse(p.Name)
	switch {
	case !ok || p.ID == "":
		return connectors.Account{}, fmt.Errorf("the service's person for %q has the id %q and the name %q", username, p.ID, p.Name)
	case p.Groups == nil: // a group may be one that something is denied to; who has none has an empty list
		return connectors.Account{}, fmt.Errorf("the service does not say which groups %q has", username)
	}
	return connectors.Account{ID: p.ID, Username: name, Detail: p}, nil
}

// Verify has the service check the password. The reply says nothing else, so that
// there is nothing in it to leak.
func (d *Directory) Verify(ctx context.Context, a connectors.Account, password connectors.Secret) (connectors.Identity, error) {
	p, ok := a.Detail.(person)
	if !ok {
		return connectors.Identity{}, fmt.Errorf("an account of another connector: %T", a.Detail)
	}
	login, err := json.Marshal(map[string]string{"id": a.ID, "password": password.Reveal()})
	if err != nil {
		return connectors.Identity{}, err
	}
	status, _, err := d.ask(ctx, http.MethodPost, "/login", login)
	switch {
	case err != nil:
		return connectors.Identity{}, err
	case status == http.StatusForbidden:
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	case status != http.StatusNoContent:
		return connectors.Identity{}, fmt.Errorf("the service answers %d for a login", status)
	case p.Disabled:
		return connectors.Identity{}, connectors.Reject(connectors.ReasonDisabled)
	}
	return connectors.Identity{
		Connector: d.deps.Name,
		Via:       d.deps.Name,
		Kind:      connectors.Person,
		ID:        a.ID,
		Username:  a.Username,
		Groups:    p.Groups,
		Ceiling:   connectors.Unlimited(),
	}, nil
}

// ask returns the service's answer. An error means that there is none, or none that is
// whole: an outage, marked where it is everybody's.
func (d *Directory) ask(ctx context.Context, method, path string, body []byte) (status int, reply []byte, err error) {
	finish := connectors.StartStep(ctx, "ask")
	if finish != nil { // somebody watches: explain --login
		defer func() { finish(connectors.Step{Detail: fmt.Sprintf("%s %s: %d", method, path, status), Err: err}) }()
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(d.config.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+d.config.Token.Reveal())
	request.Header.Set("Content-Type", "application/json")
	response, err := d.client.Do(request)
	if err != nil {
		return 0, nil, connectors.Unreachable(err)
	}
	defer response.Body.Close()
	reply, err = io.ReadAll(io.LimitReader(response.Body, maxReply+1))
	switch {
	case err != nil:
		err = connectors.Unreachable(err)
	case response.StatusCode >= http.StatusInternalServerError:
		err = connectors.Unreachable(fmt.Errorf("the service answers %d", response.StatusCode))
	case len(reply) > maxReply:
		err = fmt.Errorf("the service's answer has more than %d bytes", maxReply)
	}
	return response.StatusCode, reply, err
}

// Close lets go of idle connections.
func (d *Directory) Close() error {
	d.client.CloseIdleConnections()
	return nil
}
