package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
)

// tellLockouts reports when the upstream locks accounts after wrong passwords, and advises
// where the connector's guards let that many through. Not to know it is no failure.
func tellLockouts(ctx context.Context, report *connectorReport, c config.Connector, opened connectors.Connector, username string) {
	teller, ok := opened.(connectors.LockoutTeller)
	if !ok {
		return
	}
	begun := time.Now()
	policies, err := teller.LockoutPolicies(ctx, username)
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	for _, p := range policies {
		report.add(connectors.Step{Name: "lockout", Detail: lockoutDetail(p), Took: time.Since(begun), Fix: strings.Join(c.Guard.Lockout.Advice(p), "; ")})
		begun = time.Now()
	}
	if err != nil {
		report.add(connectors.Step{Name: "lockout", Detail: "cannot be told", Took: time.Since(begun), Fix: strings.ReplaceAll(err.Error(), "\n", "; ")})
	}
}

// lockoutDetail says when a policy locks an account.
func lockoutDetail(p connectors.LockoutPolicy) string {
	switch {
	case p.Failures == 0:
		return p.Name + ": wrong passwords lock no account"
	case p.Within == 0:
		return fmt.Sprintf("%s: locks an account after %d wrong passwords, until a right one comes", p.Name, p.Failures)
	}
	return fmt.Sprintf("%s: locks an account after %d wrong passwords within %s", p.Name, p.Failures, config.ShowDuration(p.Within))
}
