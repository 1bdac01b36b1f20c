package server

import (
	"bytes"
	"io"
	"net/http"

	"github.com/shorepass/shorepass/connectors"
)

// What the contents of requests take of the memory. A small one takes what it takes: no form
// with a password and some scopes is longer. So who sends long ones keeps nobody out but others
// who do.
const (
	smallContent  = 4 << 10
	largeContents = 64 << 20 / maxBody // so many others at once
)

// receive reads the content of a request before it is worked on: who sends it slowly keeps
// others waiting for nothing but a connection. A large one takes a turn, to be given back when
// the request is done; where there is none in time, receive fails. What is wrong with the
// content, its size too, is for others to say.
func receive(r *http.Request, large connectors.Turns) (done func(), err error) {
	done = func() {}
	if r.Body == nil || r.Body == http.NoBody {
		return done, nil
	}
	begin, err := io.ReadAll(io.LimitReader(r.Body, smallContent+1))
	if len(begin) <= smallContent {
		r.Body = received{io.MultiReader(bytes.NewReader(begin), after{err, r.Body}), r.Body}
		return done, nil
	}
	if err := large.Take(r.Context()); err != nil {
		return done, err
	}
	rest, err := io.ReadAll(io.LimitReader(r.Body, maxBody-smallContent))
	r.Body = received{io.MultiReader(bytes.NewReader(begin), bytes.NewReader(rest), after{err, r.Body}), r.Body}
	return large.End, nil
}

// received is a content that was read.
type received struct {
	io.Reader
	io.Closer
}

// after is what comes after it: the error that ended it, or what was too much.
type after struct {
	err  error
	rest io.Reader
}

// Read repeats the error, or reads on.
func (a after) Read(b []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	return a.rest.Read(b)
}
