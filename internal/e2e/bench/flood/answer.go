package main

import (
	"bytes"
	"errors"
	"net"
	"strconv"
	"time"
)

// patience is how long an answer may take.
const patience = 30 * time.Second

var errForm = errors.New("an answer without a length")

// answer reads answers of a connection, one at a time.
type answer struct {
	conn net.Conn
	text [16 << 10]byte
}

// of sends a request and returns the status of its answer (RFC 9112).
func (a *answer) of(request []byte) (status int, err error) {
	if _, err := a.conn.Write(request); err != nil {
		return 0, err
	}
	for n := 0; ; {
		read, err := a.conn.Read(a.text[n:])
		if err != nil {
			return 0, err
		}
		n += read
		head, _, found := bytes.Cut(a.text[:n], []byte("\r\n\r\n"))
		if !found {
			continue
		}
		status, length, err := parse(head)
		if err != nil || n >= len(head)+len("\r\n\r\n")+length {
			return status, err
		}
	}
}

// parse reads a status and the length of what follows the head.
func parse(head []byte) (status, length int, err error) {
	_, after, found := bytes.Cut(head, []byte("\r\nContent-Length: "))
	if !found || len(head) < len("HTTP/1.1 200") {
		return 0, 0, errForm
	}
	digits, _, _ := bytes.Cut(after, []byte("\r\n"))
	if length, err = strconv.Atoi(string(digits)); err != nil {
		return 0, 0, err
	}
	status, err = strconv.Atoi(string(head[len("HTTP/1.1 "):len("HTTP/1.1 200")]))
	return status, length, err
}
