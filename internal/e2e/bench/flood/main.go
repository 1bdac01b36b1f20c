// Command flood asks one thing of a server, over many connections, and says as JSON what came of it.
//
// Without a rate, each connection asks again as soon as it has its answer: that finds out
// what the server can do. With one, requests are due at their times whatever became of those
// before, and are timed from when they were due: a server that is slow gets no fewer.
//
// It writes bytes and looks for the end of an answer, and no more, so that it takes little
// of the processors that the server might have.
package main

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	f := flood{answers: map[int][]time.Duration{}}
	path, user, password, people := "", "", "", 1
	flag.StringVar(&f.addr, "addr", "", "HOST:PORT of the server")
	flag.StringVar(&path, "path", "/", "what is asked for")
	flag.StringVar(&user, "user", "", "who asks; empty: nobody; # stands for a number")
	flag.IntVar(&people, "people", 1, "how many there are where there is a #; they take turns")
	flag.StringVar(&password, "password", "", "of the user")
	flag.IntVar(&f.connections, "connections", 64, "how many there are at most")
	flag.BoolVar(&f.all, "all", false, "open all of them before the first request is due; they take turns")
	flag.Float64Var(&f.rate, "rate", 0, "requests a second; 0: as fast as the answers come")
	flag.DurationVar(&f.within, "for", time.Second, "how long")
	flag.Parse()
	for i := range people {
		name := strings.ReplaceAll(user, "#", strconv.Itoa(i))
		f.requests = append(f.requests, []byte("GET "+path+" HTTP/1.1\r\nHost: "+f.addr+"\r\n"+basic(name, password)+"\r\n"))
	}
	if err := json.NewEncoder(os.Stdout).Encode(f.run()); err != nil {
		fmt.Fprintln(os.Stderr, "flood:", err)
		os.Exit(1)
	}
}

func basic(user, password string) string {
	if user == "" {
		return ""
	}
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)) + "\r\n"
}

// flood is a load and what came of it.
type flood struct {
	addr        string
	requests    [][]byte // which take turns
	asked       atomic.Int64
	connections int
	all         bool // are opened at first
	rate        float64
	within      time.Duration

	clients sync.WaitGroup
	opened  int // connections
	unsent  int // requests that were due when all of them waited for answers

	mu      sync.Mutex
	answers map[int][]time.Duration // by status: how long each took
	broken  []string                // why connections ended
}

// run sends the load.
func (f *flood) run() result {
	started := time.Now()
	if f.rate == 0 {
		for range f.connections {
			f.connect(nothing, func(ask func(due time.Time) bool) {
				for time.Since(started) < f.within && ask(time.Now()) {
				}
			})
		}
		f.clients.Wait()
		return f.result(time.Since(started))
	}
	due := make(chan time.Time)
	if f.all {
		f.openAll(due)
		started = time.Now()
	}
	for i := 0; ; i++ {
		at := started.Add(time.Duration(float64(i) / f.rate * float64(time.Second)))
		if at.Sub(started) >= f.within {
			break
		}
		time.Sleep(time.Until(at)) // some thousandth of a second too long, and then some requests at once
		select {
		case due <- at: // a client waits for it
		default:
			f.another(due, at)
		}
	}
	close(due)
	f.clients.Wait()
	return f.result(time.Since(started))
}

// openAll opens all connections. Who has waited longest for something to be due is the next to ask.
func (f *flood) openAll(due <-chan time.Time) {
	var opened sync.WaitGroup
	opened.Add(f.connections)
	for range f.connections {
		f.connect(opened.Done, func(ask func(due time.Time) bool) {
			for ok := true; ok; {
				at, open := <-due
				ok = open && ask(at)
			}
		})
	}
	opened.Wait()
}

// another has a new client ask, if there may be one.
func (f *flood) another(due <-chan time.Time, at time.Time) {
	if f.opened == f.connections {
		f.unsent++
		return
	}
	f.connect(nothing, func(ask func(due time.Time) bool) {
		for ok := ask(at); ok; {
			at, open := <-due
			ok = open && ask(at)
		}
	})
}

func nothing() {}

// connect starts a client with a connection of its own, and says when that is open.
func (f *flood) connect(opened func(), client func(ask func(due time.Time) bool)) {
	f.opened++
	f.clients.Go(func() {
		took := map[int][]time.Duration{}
		c, broken := net.Dial("tcp", f.addr) //nolint:noctx // on loopback
		opened()
		if broken == nil {
			defer func() { _ = c.Close() }() // all was read
			a := answer{conn: c}
			client(func(due time.Time) bool {
				var status int
				if status, broken = a.of(f.requests[f.asked.Add(1)%int64(len(f.requests))]); broken == nil {
					took[status] = append(took[status], time.Since(due))
				}
				return broken == nil
			})
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if broken != nil {
			f.broken = append(f.broken, broken.Error())
		}
		for status, list := range took {
			f.answers[status] = append(f.answers[status], list...)
		}
	})
}
