package audit

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shorepass/shorepass/broker"
)

// patience is how long Record waits for a sink that takes nothing: a pipe that
// nobody reads, a file system that hangs.
const patience = 2 * time.Second

var errStuck = errors.New("audit: the sink takes nothing: is it a pipe that nobody reads, or a file system that hangs?")

// Log writes entries. It is safe for concurrent use.
type Log struct {
	mu      sync.Mutex
	waiting *batch    // what the next write takes; nil where nothing waits
	spare   []byte    // room for the text of the next batch
	began   time.Time // when the write under way began; zero where there is none

	wake    chan struct{} // something waits
	stop    chan struct{}
	done    chan struct{}
	unsaved atomic.Pointer[error] // the last sync failed: what it lost cannot be known
	failed  atomic.Pointer[failure]
}

// maxSpare is how much room is kept for the next lines, in bytes.
const maxSpare = 64 << 10

// batch is lines that are written together.
type batch struct {
	text    []byte
	late    *time.Timer   // ends the wait for a sink that takes nothing
	once    sync.Once     // the wait ends once
	written chan struct{} // closed when err says what became of them
	err     error
}

// end tells those who wait what became of their lines.
func (b *batch) end(err error) {
	b.once.Do(func() {
		b.err = err
		close(b.written)
	})
}

// failure is when and why a line was last not recorded.
type failure struct {
	at  time.Time
	err error
}

// failureLasts is how long a failure is news: after that, another line must try.
const failureLasts = 10 * time.Second

var _ broker.Auditor = (*Log)(nil)

// Open opens or creates the file, for its owner alone, and appends to it. Lines are
// on the disk within every; zero means before Record returns. When the file is moved
// or removed, as by a log rotation, a new one takes its place at once.
func Open(path string, every time.Duration, logger *slog.Logger) (*Log, error) {
	s := &sink{path: path, always: every == 0}
	if err := s.open(); err != nil {
		return nil, err
	}
	l := start(s)
	if every > 0 {
		go l.syncEvery(s, every, logger)
	}
	return l, nil
}

// To writes to f, such as standard output; it is neither synced nor closed.
func To(f *os.File) *Log { return start(&sink{file: f}) }

func start(s *sink) *Log {
	l := &Log{wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go l.write(s)
	return l
}

// Record appends one line. It fails within two seconds with a sink that takes nothing
// for so long, whatever becomes of the line.
func (l *Log) Record(_ context.Context, e broker.Entry) error {
	err := l.record(e)
	if err != nil {
		l.failed.Store(&failure{time.Now(), err})
	}
	return err
}

// Check fails for a while after a line that could not be recorded.
func (l *Log) Check(context.Context) error {
	if f := l.failed.Load(); f != nil && time.Since(f.at) < failureLasts {
		return f.err
	}
	return nil
}

func (l *Log) record(e broker.Entry) error {
	var room [1024]byte // for most lines, and off the heap
	line := appendLine(room[:0], &e)
	if fault := l.unsaved.Load(); fault != nil {
		return *fault
	}
	b := l.enqueue(line)
	if b == nil {
		return errStuck
	}
	<-b.written
	return b.err
}

// enqueue puts a line where the next write takes it. It returns nil where the write
// under way takes too long for more to wait.
func (l *Log) enqueue(line []byte) *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.began.IsZero() && time.Since(l.began) > patience {
		return nil
	}
	if l.waiting == nil {
		b := &batch{text: l.spare, written: make(chan struct{})}
		b.late = time.AfterFunc(patience, func() { l.timeIsUp(b) })
		l.waiting, l.spare = b, nil
		l.wake <- struct{}{} // has room: the writer takes this before it takes the batch
	}
	l.waiting.text = append(l.waiting.text, line...)
	return l.waiting
}

// timeIsUp ends the wait for a batch where the sink is to blame. While nothing is being
// written, it is the process that did not get to run, and will in a moment.
func (l *Log) timeIsUp(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-b.written:
	default:
		if l.began.IsZero() {
			b.late.Reset(patience / 20)
			return
		}
		b.end(errStuck)
	}
}

// Close writes what is under way, brings everything to the disk and closes the file.
// No Record may follow.
func (l *Log) Close() error {
	close(l.stop)
	select {
	case <-l.done:
	case <-time.After(patience):
		return errStuck
	}
	if fault := l.unsaved.Load(); fault != nil {
		return *fault
	}
	return nil
}

// write is the one goroutine that writes, since a write may hang and a request must
// not. Lines that wait at the same time go to the kernel, and with sync always to the
// disk, together.
func (l *Log) write(s *sink) {
	defer close(l.done)
	var c courtesy
	for {
		select {
		case <-l.wake:
			c.yield()
			l.flush(s)
		case <-l.stop:
			l.flush(s)
			if err := s.close(); err != nil {
				l.unsaved.Store(&err)
			}
			return
		}
	}
}

// flush writes what waits.
func (l *Log) flush(s *sink) {
	b := l.take()
	if b == nil {
		return
	}
	err := s.append(b.text)
	l.ended(b)
	b.late.Stop()
	b.end(err)
}

func (l *Log) take() *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.waiting
	if b != nil {
		l.waiting, l.began = nil, time.Now()
	}
	return b
}

func (l *Log) ended(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = time.Time{}
	if cap(b.text) <= maxSpare {
		l.spare = b.text[:0]
	}
}

// syncEvery brings lines to the disk, beside the goroutine that writes.
func (l *Log) syncEvery(s *sink, every time.Duration, logger *slog.Logger) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-l.done:
			return
		case <-tick.C:
		}
		err := s.sync()
		if err == nil {
			l.unsaved.Store(nil)
			continue
		}
		l.unsaved.Store(&err)
		logger.Error("the audit log is not on the disk: nothing is granted until it is", slog.Any("error", err))
	}
}
