package connectortest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

func checkGood(tb testing.TB, f Fixture) {
	c := f.New(tb)
	cred := f.Good.credentials()
	if !c.Handles(cred) {
		tb.Fatal("the connector does not handle the good login")
	}
	first, err := c.Authenticate(tb.Context(), cred)
	if err != nil {
		tb.Fatalf("the good login failed: %v", err)
	}
	f.wantIdentity(tb, first)
	again, err := c.Authenticate(tb.Context(), cred)
	if err != nil {
		tb.Fatalf("the good login failed the second time: %v", err)
	}
	if again.ID != first.ID || again.Username != first.Username {
		tb.Errorf("a second login is %s %s, the first was %s %s", again.ID, again.Username, first.ID, first.Username)
	}
}

func checkWrongPassword(tb testing.TB, f Fixture) {
	c := f.New(tb)
	for _, password := range []string{f.WrongPassword, f.Good.Password + "\x00"} {
		_, err := c.Authenticate(tb.Context(), Login{f.Good.Username, password}.credentials())
		wantRejected(tb, err)
	}
	if _, err := c.Authenticate(tb.Context(), f.Good.credentials()); err != nil {
		tb.Errorf("after wrong passwords the good login failed: %v", err)
	}
}

func checkUnknown(tb testing.TB, f Fixture) {
	if f.Unknown == "" {
		return
	}
	c := f.New(tb)
	for _, password := range []string{f.WrongPassword, f.Good.Password} {
		cred := Login{f.Unknown, password}.credentials()
		if !c.Handles(cred) {
			continue
		}
		if _, err := c.Authenticate(tb.Context(), cred); !errors.Is(err, connectors.ErrNotMine) || errors.Is(err, connectors.ErrRejected) {
			tb.Errorf("error = %v, want ErrNotMine alone", err)
		}
	}
}

func checkDisabled(tb testing.TB, f Fixture) {
	if f.Disabled == (Login{}) {
		return
	}
	_, err := f.New(tb).Authenticate(tb.Context(), f.Disabled.credentials())
	wantRejected(tb, err)
}

func checkUnhandled(tb testing.TB, f Fixture) {
	if f.Tokens != "" {
		checkPasswordsUnhandled(tb, f)
	}
	if f.Unhandled == "" {
		return
	}
	c := f.New(tb)
	cred := Login{f.Unhandled, f.Good.Password}.credentials()
	if c.Handles(cred) {
		tb.Errorf("the connector handles %q, which is not its own", f.Unhandled)
	}
	_, err := connectors.NewChain(f.Form, connectors.Member{Name: f.Name, Connector: c, Tokens: f.Tokens != ""}).Authenticate(tb.Context(), cred)
	wantRejected(tb, err, connectors.ReasonUnhandled)
}

// checkPasswordsUnhandled holds that a connector of tokens leaves passwords to others, and
// takes tokens that were cut off.
func checkPasswordsUnhandled(tb testing.TB, f Fixture) {
	c := f.New(tb)
	if c.Handles(Login{f.Good.Username, "a password"}.credentials()) {
		tb.Error("the connector handles a password that is no token")
	}
	cut := Login{f.Good.Username, f.Good.Password[:len(f.Good.Password)/2]}.credentials()
	if !c.Handles(cut) {
		tb.Error("the connector does not handle a token that was cut off: it would be taken for a password")
	}
	_, err := c.Authenticate(tb.Context(), cut)
	wantRejected(tb, err, connectors.ReasonBadToken)
}

// checkCanceled holds that a caller who went away is no failed login.
func checkCanceled(tb testing.TB, f Fixture) {
	c := f.New(tb)
	ctx, cancel := context.WithCancel(tb.Context())
	cancel()
	start := time.Now()
	id, err := c.Authenticate(ctx, f.Good.credentials())
	if took := time.Since(start); took > time.Second {
		tb.Errorf("a canceled login took %v", took)
	}
	switch {
	case err == nil:
		f.wantIdentity(tb, id)
	case isAnswer(err):
		tb.Errorf("a canceled login gave %v, want the context's error", err)
	case errors.Is(err, connectors.ErrUnreachable):
		tb.Errorf("a canceled login gave %v, as if it were the upstream's fault", err)
	}
	if _, err := c.Authenticate(tb.Context(), f.Good.credentials()); err != nil {
		tb.Errorf("after a canceled login the good one failed: %v", err)
	}
}

func checkConcurrent(tb testing.TB, f Fixture) {
	c := f.New(tb)
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			if i%2 == 0 {
				id, err := c.Authenticate(tb.Context(), f.Good.credentials())
				if err != nil {
					tb.Errorf("a good login among others failed: %v", err)
					return
				}
				f.wantIdentity(tb, id)
				return
			}
			id, err := c.Authenticate(tb.Context(), f.wrong())
			if err == nil {
				tb.Errorf("a wrong password among others gave %q", id.Username)
				return
			}
			wantRejected(tb, err)
		})
	}
	group.Wait()
}
