package cmd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/config"
)

const (
	// lockWait is how long is waited for another process that works on the data folder for a
	// moment: a command, or one that starts or stops serving.
	lockWait  = 5 * time.Second
	lockEvery = 20 * time.Millisecond
)

// lockSoon takes the data folder, once nobody else works on it. It fails with errLocked
// where that takes too long, and as soon as served reports that somebody answers who does.
func lockSoon(take func() (unlock func() error, err error), served func() bool) (unlock func() error, err error) {
	for deadline := time.Now().Add(lockWait); ; time.Sleep(lockEvery) {
		unlock, err = take()
		if !errors.Is(err, errLocked) || served() || time.Now().After(deadline) {
			return unlock, err
		}
	}
}

// lockToServe is lockData for the process that serves.
func lockToServe(dir string) (unlock func() error, err error) {
	unlock, err = lockSoon(func() (func() error, error) { return lockData(dir) }, func() bool { return false })
	if errors.Is(err, errLocked) {
		err = fmt.Errorf("%w: stop it, if it serves, or wait until it has ended", err)
	}
	return unlock, err
}

// lockUnlessServed takes the data folder for a command, by lockExisting, lockMaking or
// lockForRestore. It
// fails with errLocked where a process serves that answers on the admin socket.
func lockUnlessServed(cfg *config.Config, take func(dir string) (unlock func() error, err error)) (unlock func() error, err error) {
	answers := false
	unlock, err = lockSoon(func() (func() error, error) { return take(cfg.DataDir) }, func() bool {
		answers = answersOn(cfg.AdminSocket)
		return answers
	})
	if errors.Is(err, errLocked) && !answers {
		return nil, fmt.Errorf("data_dir %s: another shorepass process works on it, and none answers on the admin socket %s: where that is a command, try again when it has ended; where it serves, that socket was removed: restart it",
			cfg.DataDir, cfg.AdminSocket)
	}
	return unlock, err
}

// answersOn reports whether somebody listens on a socket, even if not to us.
func answersOn(socket string) bool {
	c, err := net.DialTimeout("unix", socket, time.Second) //nolint:noctx // has a timeout
	if err == nil {
		_ = c.Close()
	}
	return err == nil || errors.Is(err, os.ErrPermission)
}

// lockMaking is lockExisting for commands that make what is not there yet.
func lockMaking(dir string) (unlock func() error, err error) {
	unlock, err = lockExisting(dir)
	if !errors.Is(err, token.ErrNoKeys) {
		return unlock, err
	}
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	return lockData(dir)
}
