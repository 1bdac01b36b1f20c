package server

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// idlers are the connections of each client network over which nothing is asked.
type idlers struct {
	mu sync.Mutex
	of map[netip.Prefix]*list.List // the one that has been idle for longest comes first
}

// note is told by a server what each connection does.
func (i *idlers) note(conn net.Conn, state http.ConnState) {
	if encrypted, ok := conn.(*tls.Conn); ok {
		conn = encrypted.NetConn()
	}
	c, ok := conn.(*connection)
	if !ok {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.remove(c)
	if state != http.StateIdle {
		return
	}
	if i.of[c.network] == nil {
		i.of[c.network] = list.New()
	}
	c.idle = i.of[c.network].PushBack(c)
}

// take takes the connection of a network that has been idle for longest off the list, and
// returns nil where none is.
func (i *idlers) take(network netip.Prefix) *connection {
	i.mu.Lock()
	defer i.mu.Unlock()
	l := i.of[network]
	if l == nil {
		return nil
	}
	c := l.Front().Value.(*connection) // there is nothing else in it
	i.remove(c)
	return c
}

func (i *idlers) remove(c *connection) {
	if c.idle == nil {
		return
	}
	l := i.of[c.network]
	l.Remove(c.idle)
	c.idle = nil
	if l.Len() == 0 {
		delete(i.of, c.network)
	}
}
