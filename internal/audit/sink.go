package audit

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// lookEvery is how long the file is taken to be where it was. It is shorter than a
// log rotation needs from moving the file to compressing it.
const lookEvery = time.Millisecond

// sink is where lines go. One goroutine appends; another may sync.
type sink struct {
	path   string    // empty: a file that somebody else opened
	always bool      // sync after every append
	torn   bool      // the last write left half a line
	looked time.Time // when path was last seen to be file

	mu    sync.Mutex // guards what follows against sync
	file  *os.File
	info  os.FileInfo // of file, to see whether path is still it
	dirty bool        // something was written since the last sync
}

// open opens the file at path.
func (s *sink) open() error {
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		s.torn, err = endsTorn(f, info)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return fmt.Errorf("audit: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.file, s.info = f, info
	return nil
}

// append writes whole lines. Half a line, as a full disk leaves it, is ended before
// the next, so that it spoils no other.
func (s *sink) append(text []byte) error {
	now := time.Now()
	if err := s.follow(now); err != nil {
		return err
	}
	if s.torn {
		text = append([]byte{'\n'}, text...)
	}
	// A pipe that nobody reads gives up, so that a file in its place is seen; what has
	// no deadlines says so, and is written without.
	_ = s.file.SetWriteDeadline(now.Add(patience))
	n, err := s.file.Write(text)
	if n > 0 {
		s.torn = text[n-1] != '\n'
		s.mu.Lock()
		s.dirty = true
		s.mu.Unlock()
	}
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if s.always {
		return s.sync()
	}
	return nil
}

// follow opens the file anew when path is another by now, or none.
func (s *sink) follow(now time.Time) error {
	if s.path == "" || now.Sub(s.looked) < lookEvery {
		return nil
	}
	info, err := os.Stat(s.path)
	if err == nil && os.SameFile(info, s.info) {
		s.looked = now
		return nil
	}
	old := s.file
	if err := s.open(); err != nil {
		return err
	}
	return errors.Join(syncFile(old), old.Close())
}

// sync brings what was written to the disk.
func (s *sink) sync() error {
	s.mu.Lock()
	f, dirty := s.file, s.dirty
	s.dirty = false
	s.mu.Unlock()
	if !dirty || s.path == "" {
		return nil
	}
	err := syncFile(f)
	if errors.Is(err, os.ErrClosed) {
		return nil // moved away meanwhile, and synced then
	}
	if err != nil {
		s.mu.Lock()
		s.dirty = true
		s.mu.Unlock()
	}
	return err
}

// close ends the work on a file that open opened.
func (s *sink) close() error {
	if s.path == "" {
		return nil
	}
	return errors.Join(syncFile(s.file), s.file.Close())
}

func syncFile(f *os.File) error {
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() { // what is no file has no disk
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// endsTorn reports whether the file ends in half a line.
func endsTorn(f *os.File, info os.FileInfo) (bool, error) {
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return false, nil
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil {
		return false, err
	}
	return last[0] != '\n', nil
}
