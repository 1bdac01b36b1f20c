package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// silence is how long the process that serves may send nothing of a long answer.
const silence = 30 * time.Second

// errSilent says that it hangs.
var errSilent = fmt.Errorf("a process works on data_dir, but it has sent nothing for %s: see its log, and restart it if it hangs", silence)

// receive asks the admin API, and writes a long answer to w.
func receive(ctx context.Context, socket, method, path string, w io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer late.Stop()
	err := askAdmin(ctx, socket, method, path, nil, func(answer io.Reader) error {
		_, err := io.Copy(w, awaited{answer, late})
		return err
	})
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}

// awaited is an answer that is waited for only so long; what is done with it in between
// may take its time.
type awaited struct {
	answer io.Reader
	late   *time.Timer
}

// Read reads on.
func (a awaited) Read(p []byte) (int, error) {
	a.late.Reset(silence)
	defer a.late.Stop()
	return a.answer.Read(p)
}
