package server_test

import (
	"fmt"
	"testing"

	"github.com/shorepass/shorepass/broker/server"
)

// TestCrowdBounds holds that 8 requests of one person and 32 of all are worked on at a time, and
// that whoever leaves makes room, and is forgotten.
func TestCrowdBounds(t *testing.T) {
	var c server.Crowd
	var inside []func()
	enter := func(id string, want bool) {
		t.Helper()
		leave, ok := c.Enter(id)
		if ok != want {
			t.Errorf("%s is let in: %v, with %d inside", id, ok, len(inside))
		}
		if ok {
			inside = append(inside, leave)
		}
	}
	for range 8 {
		enter("alice", true)
	}
	enter("alice", false)
	inside[0]()
	inside = inside[1:]
	enter("alice", true)
	enter("alice", false)
	for i := range 24 {
		enter(fmt.Sprint("somebody ", i), true)
	}
	enter("bob", false)
	inside[0]()
	inside = inside[1:]
	enter("bob", true)
	enter("alice", false)
	for _, leave := range inside {
		leave()
	}
	if n := c.People(); n != 0 {
		t.Errorf("%d people are remembered", n)
	}
}
