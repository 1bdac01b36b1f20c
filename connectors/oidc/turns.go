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

// turn is what those wait for who log in by one name.
type turn struct {
	queue
	users int // who have it or wait for it
}

// turns has one login of each name go on at a time. Whoever uses it holds a lock.
type turns map[string]*turn

// of returns the turn of the name, which is to be given back.
func (t turns) of(name string) *turn {
	if t[name] == nil {
		t[name] = &turn{queue: newQueue(1)}
	}
	t[name].users++
	return t[name]
}

// back forgets the turn when nobody uses it any more.
func (t turns) back(name string) {
	if t[name].users--; t[name].users == 0 {
		delete(t, name)
	}
}
