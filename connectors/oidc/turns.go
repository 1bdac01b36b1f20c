package oidc

import "context"

// queue is a place where some can be at a time and others wait, those with a password
// that was right before in front of those with any other: they never wait for more than
// one of these.
type queue struct {
	places chan struct{} // who is in
	head   chan struct{} // the one of the others who waits for a place
}

func newQueue(places int) queue {
	return queue{make(chan struct{}, places), make(chan struct{}, 1)}
}

// try takes a place if nobody waits for it.
func (q queue) try() bool {
	select {
	case q.places <- struct{}{}:
		return true
	default:
		return false
	}
}

// enter waits for a place.
func (q queue) enter(ctx context.Context, proven bool) error {
	if !proven {
		if err := put(ctx, q.head); err != nil {
			return err
		}
		defer func() { <-q.head }()
	}
	return put(ctx, q.places)
}

// leave gives the place to the next.
func (q queue) leave() { <-q.places }

// put puts a value into c as soon as it takes one.
func put(ctx context.Context, c chan<- struct{}) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// turn is what those wait for who log in to one account.
type turn struct {
	queue
	account string
	users   int // who have it or wait for it
}

// turns has one login of each account go on at a time. Whoever uses it holds a lock.
type turns map[string]*turn

// of returns the turn of the account, which is to be given back.
func (t turns) of(account string) *turn {
	if t[account] == nil {
		t[account] = &turn{queue: newQueue(1), account: account}
	}
	t[account].users++
	return t[account]
}

// move has a turn be that of another account, unless that has one: who comes for the account
// from now on waits for those who have come for its name.
func (t turns) move(of *turn, account string) {
	if t[account] != nil {
		return
	}
	delete(t, of.account)
	of.account = account
	t[account] = of
}

// back forgets the turn when nobody uses it any more.
func (t turns) back(of *turn) {
	if of.users--; of.users == 0 {
		delete(t, of.account)
	}
}
