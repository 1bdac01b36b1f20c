package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/broker/token"
)

// maxAdminAnswer bounds what is read of an answer, in bytes: a page of long tokens is
// several megabytes.
const maxAdminAnswer = 32 << 20

// adminTime is how long the process that serves may take to answer.
const adminTime = 10 * time.Second

// adminRealm is a realm of the process that serves, reached through its admin socket; with
// an empty name, whichever a token is of.
type adminRealm struct{ socket, realm string }

// adminKeys works through the process that serves.
type adminKeys struct{ adminRealm }

func (a adminKeys) keys(ctx context.Context) (infos []token.KeyInfo, err error) {
	return infos, a.json(ctx, http.MethodGet, "keys", nil, &infos)
}

func (a adminKeys) do(ctx context.Context, act token.Act, force bool) (info token.KeyInfo, err error) {
	return info, a.json(ctx, http.MethodPost, fmt.Sprintf("acts/%s?force=%t", act, force), nil, &info)
}

func (a adminKeys) file(ctx context.Context, name string) ([]byte, error) {
	return a.call(ctx, http.MethodGet, "files/"+name, nil)
}

// json sends JSON, unless it is nil, and reads JSON.
func (a adminRealm) json(ctx context.Context, method, what string, send, into any) error {
	var content []byte
	if send != nil {
		var err error
		if content, err = json.Marshal(send); err != nil {
			return err
		}
	}
	body, err := a.call(ctx, method, what, content)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// call asks the admin API about the realm.
func (a adminRealm) call(ctx context.Context, method, what string, content []byte) (body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, adminTime)
	defer cancel()
	if a.realm != "" {
		what = "realms/" + a.realm + "/" + what
	}
	err = askAdmin(ctx, a.socket, method, what, content, func(answer io.Reader) error {
		body, err = io.ReadAll(io.LimitReader(answer, maxAdminAnswer))
		return err
	})
	return body, err
}

// unansweredError is the failure of a request that was sent: it may have been heeded.
type unansweredError struct{ error }

// Unwrap returns the failure.
func (e unansweredError) Unwrap() error { return e.error }

// askAdmin asks the admin API, and hands its answer to read. It fails with an
// [unansweredError] where what was asked may have been done.
func askAdmin(ctx context.Context, socket, method, path string, content []byte, read func(io.Reader) error) error {
	reached := false
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, "unix", socket)
		reached = err == nil
		return c, err
	}
	transport := &http.Transport{DialContext: dial}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, method, "http://admin/v1/"+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("the admin socket %s is its owner's alone: run this as the user that serves", socket)
	}
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the process that works on data_dir has just closed its admin socket %s: try again", socket)
	}
	if err != nil {
		err = fmt.Errorf("a process works on data_dir, but its admin socket does not answer: %w", err)
		if reached {
			return unansweredError{err}
		}
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusCreated {
		body, err := io.ReadAll(io.LimitReader(response.Body, maxAdminAnswer))
		if err != nil {
			return unansweredError{fmt.Errorf("admin socket: %w", err)}
		}
		return errors.New(server.ErrorText(body))
	}
	if err := read(response.Body); err != nil {
		return unansweredError{fmt.Errorf("admin socket: %w", err)}
	}
	return nil
}
