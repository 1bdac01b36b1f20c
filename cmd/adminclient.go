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

// adminRealm is a realm of the process that serves, reached through its admin socket.
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
func (a adminRealm) call(ctx context.Context, method, what string, content []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTime)
	defer cancel()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", a.socket)
	}
	transport := &http.Transport{DialContext: dial}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, method, "http://admin/v1/realms/"+a.realm+"/"+what, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("the admin socket %s is its owner's alone: run this as the user that serves", a.socket)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("a process works on data_dir, but its admin socket %s is gone: restart that process", a.socket)
	}
	if err != nil {
		return nil, fmt.Errorf("a process works on data_dir, but its admin socket does not answer: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAdminAnswer))
	if err != nil {
		return nil, fmt.Errorf("admin socket: %w", err)
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusCreated {
		return nil, errors.New(server.ErrorText(body))
	}
	return body, nil
}
