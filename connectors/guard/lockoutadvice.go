package guard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

var _ connectors.LockoutTeller = (*password)(nil)

// LockoutPolicies are the directory's, if it can tell.
func (p *password) LockoutPolicies(ctx context.Context, username string) ([]connectors.LockoutPolicy, error) {
	teller, ok := p.directory.(connectors.LockoutTeller)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	name, _ := p.parse(username) // what is none is nobody's
	return teller.LockoutPolicies(ctx, name)
}

// Advice says what to write so that logins lock no account at a directory which has a
// policy; nothing where they lock none.
func (s LockoutSettings) Advice(p connectors.LockoutPolicy) []string {
	if p.Failures == 0 {
		return nil
	}
	var advice []string
	switch sent := s.Budget + s.Familiar; {
	case p.Failures == 1:
		advice = append(advice, "a single wrong password locks there, before which nothing can keep: have it take 3 or more")
	case s.Budget == 0:
		advice = append(advice, fmt.Sprintf("guard.lockout.budget: 0 lets through any number of wrong passwords, and %d lock: %s", p.Failures, below(p.Failures)))
	case sent >= p.Failures:
		advice = append(advice, fmt.Sprintf("guard.lockout lets through %d wrong passwords (budget %d, familiar %d), and %d lock: %s", sent, s.Budget, s.Familiar, p.Failures, below(p.Failures)))
	}
	switch {
	case p.Within == 0:
		advice = append(advice, "wrong passwords count there until a right one comes, and guard.lockout.window lets one through again after "+shown(s.Window)+
			", so that an old password that goes on being sent locks in the end: have them count for a time, no longer than the window; shorepass lockouts list shows whose it is")
	case p.Within > maxWindow:
		advice = append(advice, "wrong passwords count there for longer than guard.lockout.window can be: have them count for "+shown(maxWindow)+" at most, and write window: "+shown(maxWindow))
	case p.Within > s.Window:
		advice = append(advice, "guard.lockout.window, "+shown(s.Window)+", is shorter than wrong passwords count there: write window: "+shown(p.Within.Round(time.Second)))
	}
	return advice
}

// below says what budget and familiar may be where so many wrong passwords lock, two at
// least.
func below(failures int) string {
	familiar := min(1, failures-2)
	return fmt.Sprintf("write budget: %d and familiar: %d, or less", failures-1-familiar, familiar)
}
