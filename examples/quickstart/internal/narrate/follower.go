package narrate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Follower narrates what is appended to an audit file.
type Follower struct {
	path   string
	zone   *time.Location
	out    io.Writer
	offset int64
}

// NewFollower follows the file from its present end on. It need not exist yet.
func NewFollower(path string, zone *time.Location, out io.Writer) *Follower {
	f := &Follower{path: path, zone: zone, out: out}
	if info, err := os.Stat(path); err == nil {
		f.offset = info.Size()
	}
	return f
}

// Drain narrates the whole lines that came since the last call.
func (f *Follower) Drain() error {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the audit file: %w", err)
	}
	defer func() { _ = file.Close() }()
	news, err := f.news(file)
	if err != nil {
		return fmt.Errorf("the audit file: %w", err)
	}
	whole := news[:bytes.LastIndexByte(news, '\n')+1]
	f.offset += int64(len(whole))
	for line := range bytes.Lines(whole) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue // the end of a line that a crash left torn
		}
		sentence, err := Sentence(line, f.zone)
		if err != nil {
			sentence = err.Error() + "\n"
		}
		if _, err := io.WriteString(f.out, sentence); err != nil {
			return err
		}
	}
	return nil
}

// news reads what was appended. A file that has shrunk was begun anew.
func (f *Follower) news(file *os.File) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < f.offset {
		f.offset = 0
	}
	if _, err := file.Seek(f.offset, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}
