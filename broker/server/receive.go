package server

import (
	"bytes"
	"io"
	"net/http"
)

// receive reads the content of a request before it is worked on: who sends it slowly keeps
// others waiting for nothing but a connection. What is wrong with the content, its size
// too, is for others to say.
func receive(r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	content, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	r.Body = received{io.MultiReader(bytes.NewReader(content), after{err, r.Body}), r.Body}
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
