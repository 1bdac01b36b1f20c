package ldap_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// TestWhoseAnOutageIs sorts outages into those that are everybody's and the others.
func TestWhoseAnOutageIs(t *testing.T) {
	groups := func(code int) script { // of the search for groups
		return script{search: func(base, _ string) ([]record, int) {
			if strings.HasPrefix(base, "ou=groups") {
				return nil, code
			}
			return []record{alice()}, 0
		}}
	}
	hangs := script{bind: func(dn, _ string) (int, string) {
		if dn != serviceDN {
			time.Sleep(3 * time.Second)
		}
		return 0, ""
	}}
	for name, c := range map[string]struct {
		servers []func(net.Conn)
		whole   bool
		account bool
	}{
		"service account refused":        {[]func(net.Conn){bindCodes(49, 0).serve}, true, false},
		"service account forbidden":      {[]func(net.Conn){bindCodes(53, 0).serve}, true, false},
		"binds hang":                     {[]func(net.Conn){hangs.serve}, true, false},
		"connections break":              {[]func(net.Conn){func(c net.Conn) { _ = c.Close() }}, true, false},
		"both servers are busy":          {[]func(net.Conn){bindCodes(51, 51).serve, bindCodes(52, 52).serve}, true, false},
		"one is busy, the other is odd":  {[]func(net.Conn){bindCodes(51, 51).serve, bindCodes(0, 80).serve}, false, false},
		"one breaks, the other is odd":   {[]func(net.Conn){func(c net.Conn) { _ = c.Close() }, bindCodes(0, 80).serve}, false, false},
		"the groups' base is not there":  {[]func(net.Conn){groups(32).serve}, false, true},
		"busy when it comes to groups":   {[]func(net.Conn){groups(51).serve}, true, true}, // which says nothing
		"no such base":                   {[]func(net.Conn){searchCode(32).serve}, false, false},
		"passwords must be sent in code": {[]func(net.Conn){bindCodes(0, 13).serve}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var urls []string
			for _, serve := range c.servers {
				urls = append(urls, listen(t, serve))
			}
			cfg := config(urls[0])
			cfg.URL = urls
			if c.account {
				cfg.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=example"}
			}
			d := open(t, cfg)
			_, err := login(t, d, "alice", userPassword)
			wantOutage(t, err, "")
			wantMark(t, err, c.whole)
			if errors.Is(err, connectors.ErrOneAccount) != c.account {
				t.Errorf("error = %v: one account's %v, want %v", err, !c.account, c.account)
			}
		})
	}
}

// TestWaitsAreNobodysFault holds that who waits in vain for a connection does not blame the
// directory.
func TestWaitsAreNobodysFault(t *testing.T) {
	t.Parallel()
	d := open(t, config(listen(t, script{search: func(string, string) ([]record, int) {
		time.Sleep(5 * wait) // less than an operation may take
		return []record{alice()}, 0
	}}.serve)))
	const callers = 40 // for 16 connections
	errs := make(chan error, callers)
	ctx, cancel := context.WithTimeout(t.Context(), 4*wait) // more than it takes to connect
	defer cancel()
	for range callers {
		go func() {
			_, err := d.Locate(ctx, "alice")
			errs <- err
		}()
	}
	busy := 0
	for range callers {
		err := <-errs
		wantMark(t, err, false)
		if errors.Is(err, connectors.ErrBusy) {
			busy++
		}
	}
	if busy < callers-16 {
		t.Errorf("%d of %d were busy", busy, callers)
	}
}
