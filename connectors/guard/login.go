package guard

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// Authenticate answers from memory, or locates the account and verifies the password.
func (p *password) Authenticate(ctx context.Context, c connectors.Credentials) (connectors.Identity, error) {
	name, ok := p.parse(c.Username)
	if !ok {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonBadUsername)
	}
	if c.Password.Blank() {
		return connectors.Identity{}, connectors.Reject(connectors.ReasonEmptyPassword)
	}
	if strings.Contains(c.Password.Reveal(), "\x00") {
		// Nobody types one, and to many a directory it ends the password. It is answered here
		// for what such an answer would say of the directory: that it is there.
		return connectors.Identity{}, connectors.Reject(connectors.ReasonWrongPassword)
	}
	d := p.digests.of(name, c.Password)
	remembered, ok := p.cache.recall(name, d)
	if remembered.Answer == connectors.AnswerCache && p.atHome(remembered, connectors.ClientNetwork(c.RemoteIP)) {
		return remembered, nil
	}
	a := p.attempt(name, c)
	if err := p.shield.known(a); err != nil {
		return connectors.Identity{}, err
	}
	if ok {
		return p.compare(ctx, a, c, d, remembered)
	}
	return p.answer(ctx, a, c, d)
}

// answer is the directory's, whoever asked it.
func (p *password) answer(ctx context.Context, a attempt, c connectors.Credentials, d digest) (connectors.Identity, error) {
	if p.cache.isUnknown(a.name) {
		return connectors.Identity{}, connectors.ErrNotMine
	}
	id, err := p.fly(ctx, a, c, d)
	for other := (*unwelcome)(nil); errors.As(err, &other) && other.isAnothers(a) && ctx.Err() == nil; other = nil {
		if other.network != a.network {
			a.begun = time.Now() // anew; else as one alone
		}
		id, err = p.fly(ctx, a, c, d) // without who began the last one: all others have one again
	}
	if err != nil || p.atHome(id, a.network) {
		return id, err
	}
	return p.welcome(ctx, a, id)
}

// isUnanswered reports whether err says that the directory did not answer. What our own
// bounds have turned away, or an account that cannot be read, says nothing of that: who has
// been disabled meanwhile would be let pass by a directory that is well.
func isUnanswered(err error) bool {
	ours := errors.Is(err, connectors.ErrBusy) || errors.Is(err, connectors.ErrOneAccount)
	return !ours && errors.Is(err, connectors.ErrUnreachable) // as one is that is left alone
}

// keyOf returns the key of the account that somebody has signed in to.
func (p *password) keyOf(id connectors.Identity) key { return key{space: p.accounts.name(), id: id.ID} }

// attempt is what the Shield is to know of a login.
func (p *password) attempt(name string, c connectors.Credentials) attempt {
	return attempt{
		place:    Place{p.config.Realm, p.config.Name},
		upstream: p.accounts.name(),
		name:     name,
		password: p.shield.digests.of("", c.Password),
		client:   c.RemoteIP,
		network:  connectors.ClientNetwork(c.RemoteIP),
		settings: p.config.Settings.Lockout,
		look:     p.config.Look,
		begun:    time.Now(),
	}
}

// fly has the directory answer, once for all who send the same at the same time: not so for
// those who come after something was forgotten.
func (p *password) fly(ctx context.Context, a attempt, c connectors.Credentials, d digest) (connectors.Identity, error) {
	generation := p.cache.generation.Load()
	return p.flights.do(ctx, d.in(generation), a.begun, func(f *flight) (connectors.Identity, error) { return p.ask(f, a, c, d, generation) })
}

// unwelcome is an answer that another client might not meet with, who is in another network,
// or who came later and has time to wait.
type unwelcome struct {
	error
	network netip.Prefix
	begun   time.Time
}

// isAnothers reports whether an attempt might not meet with the answer.
func (u *unwelcome) isAnothers(a attempt) bool {
	return u.network != a.network || waitedInVain(u.error) && u.begun.Before(a.begun)
}

// waitedInVain reports whether err says that there was no place in time, so that nothing was
// sent.
func waitedInVain(err error) bool {
	return errors.Is(err, connectors.ErrBusy) && !errors.Is(err, connectors.ErrUnreachable)
}

// Unwrap returns the answer.
func (u *unwelcome) Unwrap() error { return u.error }

// ask has the directory answer, and remembers what it says in a generation.
func (p *password) ask(f *flight, a attempt, c connectors.Credentials, d digest, generation uint64) (connectors.Identity, error) {
	id, err := p.login(f, a, c, d)
	var throttled *connectors.Throttled
	switch {
	case err == nil && id.Answer != connectors.AnswerUpstream: // the directory remembers it, no longer than it says
	case err == nil:
		p.cache.passed(d, a, id, generation)
	case errors.Is(err, connectors.ErrNotMine):
		p.cache.noSuch(a.name, generation)
	case errors.Is(err, connectors.ErrRejected):
		p.cache.refused(d)
	case errors.As(err, &throttled), waitedInVain(err):
		return id, &unwelcome{err, a.network, a.begun}
	}
	return id, err
}

// login has the directory asked, as far as the Shield lets it pass.
func (p *password) login(f *flight, a attempt, c connectors.Credentials, d digest) (connectors.Identity, error) {
	pass, err := p.shield.enter(f.queue, a)
	if err != nil {
		return connectors.Identity{}, err
	}
	defer pass.leave()
	return p.way.do(f, func(ctx context.Context) (connectors.Identity, error) { return p.check(ctx, a, c, d, pass) })
}

// check locates the account, then verifies the password.
func (p *password) check(ctx context.Context, a attempt, c connectors.Credentials, d digest, pass *pass) (connectors.Identity, error) {
	if err := pass.toLocate(); err != nil {
		return connectors.Identity{}, &told{err, errUntold}
	}
	account, err := p.locate(ctx, a.name)
	switch {
	case errors.Is(err, connectors.ErrRejected):
		p.cache.refused(d) // although the client may be told that there were too many
		return connectors.Identity{}, &told{pass.refuseName(err), nil}
	case err != nil:
		return connectors.Identity{}, err
	}
	if err := timeToVerify(ctx); err != nil {
		return connectors.Identity{}, err
	}
	if err := pass.toVerify(ctx, account); err != nil {
		said := errUntold
		if account.ID != "" { // which it has said
			said = nil
		}
		return connectors.Identity{}, &told{err, said}
	}
	id, err := p.directory.Verify(connectors.WithResend(ctx, pass.resend), account, c.Password)
	p.pace.note(a.name, account, err, time.Since(a.begun))
	if err == nil && !p.config.admits(id.Username) { // which some directories know no sooner
		err = connectors.ErrNotMine
	}
	var rejection *connectors.Rejection
	switch {
	case errors.As(err, &rejection) && rejection.Reason != connectors.ReasonWrongPassword:
		p.cache.barred(a.name, account.ID)
	case errors.Is(err, connectors.ErrRejected):
		p.cache.refused(d) // likewise
	}
	if err := pass.settle(id, err); err != nil {
		return connectors.Identity{}, err
	}
	return id, nil
}

// timeToVerify fails where our own waits have left less than an operation needs: a password
// that is sent then may be counted, and its answer not be heard.
func timeToVerify(ctx context.Context) error {
	ends, ok := ctx.Deadline()
	if left := time.Until(ends); ok && connectors.CutShort(ctx, left, operationTime) {
		return fmt.Errorf("%w: there were no more than %v left for the password", connectors.ErrBusy, left.Round(time.Millisecond))
	}
	return nil
}

// RefuseUnknown counts a failed login by a name that no connector of the realm knows.
func (p *password) RefuseUnknown(ctx context.Context, c connectors.Credentials) error {
	name, ok := p.parse(c.Username)
	if !ok {
		return connectors.ErrNotMine
	}
	return p.refuse(ctx, name, c)
}

// RefuseNoName counts one by what is no name. It is remembered as little as a password is:
// it may be one, or of any length.
func (p *password) RefuseNoName(ctx context.Context, c connectors.Credentials) error {
	typed := p.shield.digests.of("", connectors.NewSecret(c.Username))
	return p.refuse(ctx, fmt.Sprintf("no name %x", typed[:8]), c) // which no name is, for the spaces
}

// refuse counts a failed login of nobody's.
func (p *password) refuse(ctx context.Context, name string, c connectors.Credentials) error {
	if strings.Contains(c.Password.Reveal(), "\x00") { // nobody's, by whatever name
		return nil
	}
	a := p.attempt(name, c)
	a.place.Connector, a.settings.Budget, a.settings.Window = "", a.look.Budget, a.look.Window
	return p.shield.refuse(ctx, a)
}

// locate locates an account of the connector's.
func (p *password) locate(ctx context.Context, name string) (connectors.Account, error) {
	account, err := p.directory.Locate(ctx, name)
	if err == nil && account.Username != "" && !p.config.admits(account.Username) {
		return connectors.Account{}, connectors.ErrNotMine
	}
	return account, err
}

// Forget forgets what is remembered of the logins of a user name, or of all where that is
// empty, so that the directory is asked again. It returns how much it was.
func (p *password) Forget(username string) int {
	name, ok := p.parse(username)
	if !ok && username != "" {
		return 0
	}
	if f, ok := p.directory.(connectors.Forgetter); ok {
		f.Forget(name)
	}
	if username == "" {
		return p.cache.clear()
	}
	return p.cache.clearName(name)
}
