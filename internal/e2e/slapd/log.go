package slapd

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// log is what slapd prints, into a file: what it prints before it answers is there with the
// answer, and not when somebody has read it from a pipe.
type log struct{ *os.File }

func newLog(tb testing.TB, path string) log {
	tb.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = f.Close() })
	return log{f}
}

func (l log) String() string {
	content, err := os.ReadFile(l.Name())
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// tail returns the last bytes, at most so many.
func (l log) tail(most int) string {
	s := l.String()
	return s[max(0, len(s)-most):]
}

// Log returns what the server has printed so far: a line for every operation and
// every result.
func (s *Server) Log() string { return s.log.String() }

// Event is what happened on a connection, as the server saw it.
type Event struct {
	Conn int    // the connection's number
	Kind string // ACCEPT, BIND, SRCH or CLOSE
	DN   string // of a BIND
}

var eventPattern = regexp.MustCompile(`\bconn=(\d+) (?:op=\d+ (BIND) dn="(.*)" method=128|op=\d+ (SRCH) base=|fd=\d+ (ACCEPT) from|fd=\d+ (closed))`)

// Events returns what has happened since the mark, an earlier length of Log.
func (s *Server) Events(mark int) []Event {
	var events []Event
	for line := range strings.Lines(s.Log()[mark:]) {
		m := eventPattern.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		conn, _ := strconv.Atoi(m[1])
		e := Event{Conn: conn, Kind: m[2] + m[4] + m[5], DN: m[3]}
		if m[6] != "" {
			e.Kind = "CLOSE"
		}
		events = append(events, e)
	}
	return events
}

// Asked returns the events since the mark that are a client's doing: the server notices when
// it gets round to it that a connection has ended, which may have begun long before.
func (s *Server) Asked(mark int) []Event {
	return slices.DeleteFunc(s.Events(mark), func(e Event) bool { return e.Kind == "CLOSE" })
}

// Settle waits until the log has not grown for a moment: slapd writes it after it
// has answered.
func (s *Server) Settle(tb testing.TB) {
	tb.Helper()
	for last := -1; last != len(s.Log()); time.Sleep(100 * time.Millisecond) {
		last = len(s.Log())
	}
}
