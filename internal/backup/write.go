package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/shorepass/shorepass/internal/files"
	"github.com/shorepass/shorepass/internal/store"
)

// Backup is what a backup will hold, as it was when [Take] returned.
type Backup struct {
	manifest Manifest
	keys     map[string][]byte
	database *os.File // has no name any more: it is gone with the process; nil: there is none
}

// Take copies the database and the keys of a data folder; the process that serves may go
// on working there. It needs room for another database in the folder. program is its
// version. The caller closes the backup.
func Take(ctx context.Context, dataDir, program string) (_ *Backup, err error) {
	b := &Backup{manifest: Manifest{Format: format, Made: time.Now().UTC().Truncate(time.Second), Program: program}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	if err := b.takeDatabase(ctx, dataDir); err != nil {
		return nil, err
	}
	if b.keys, err = takeKeys(dataDir); err != nil {
		return nil, err
	}
	for _, name := range sorted(b.keys) {
		sum := sha256.Sum256(b.keys[name])
		b.manifest.Files = append(b.manifest.Files, File{Name: name, Size: int64(len(b.keys[name])), SHA256: hex.EncodeToString(sum[:])})
	}
	if len(b.manifest.Files) == 0 {
		return nil, fmt.Errorf("%s holds neither keys nor a database: \"shorepass serve\" makes them when it first starts", dataDir)
	}
	return b, nil
}

// takeDatabase copies the database, where there is one.
func (b *Backup) takeDatabase(ctx context.Context, dataDir string) error {
	folder, err := os.MkdirTemp(dataDir, "backup-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }() // what was copied stays open
	copied := filepath.Join(folder, store.FileName)
	b.manifest.Schema, err = store.Copy(ctx, filepath.Join(dataDir, store.FileName), copied)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the database cannot be copied: %w", err)
	}
	if b.database, err = os.Open(copied); err != nil {
		return err
	}
	sum := sha256.New()
	size, err := io.Copy(sum, b.database)
	b.manifest.Files = append(b.manifest.Files, File{Name: store.FileName, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))})
	return err
}

// takeKeys reads the keys. Each of their files is whole at any time, but they belong
// together: it reads until nothing has changed meanwhile.
func takeKeys(dataDir string) (map[string][]byte, error) {
	before, err := readKeys(dataDir)
	for range 10 {
		after, again := readKeys(dataDir)
		if err == nil && again == nil && same(before, after) {
			return after, nil
		}
		before, err = after, again
	}
	if err == nil {
		err = errors.New("they change all the time: try again")
	}
	return nil, fmt.Errorf("the keys cannot be read: %w", err)
}

// readKeys reads the files of all realms, by their names below the data folder.
func readKeys(dataDir string) (map[string][]byte, error) {
	content := map[string][]byte{}
	err := filepath.WalkDir(filepath.Join(dataDir, keysFolder), func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // there are none, or it was replaced just now
		case err != nil:
			return err
		}
		below, err := filepath.Rel(dataDir, name)
		if err != nil || !entry.Type().IsRegular() || filepath.Ext(name) == ".new" { // unfinished
			return err
		}
		if below = filepath.ToSlash(below); !keyFile.MatchString(below) {
			return nil // not ours
		}
		content[below], err = files.Read(name, maxKeyFile)
		return err
	})
	return content, err
}

func same(a, b map[string][]byte) bool {
	for name, content := range a {
		if other, ok := b[name]; !ok || !bytes.Equal(content, other) {
			return false
		}
	}
	return len(a) == len(b)
}

// WriteTo writes the archive. It implements [io.WriterTo].
func (b *Backup) WriteTo(w io.Writer) (written int64, err error) {
	counted := &counter{Writer: w}
	archive := tar.NewWriter(counted)
	manifest, err := json.MarshalIndent(b.manifest, "", "  ")
	if err != nil {
		return 0, err
	}
	if err := b.entry(archive, manifestName, int64(len(manifest)), bytes.NewReader(manifest)); err != nil {
		return counted.n, err
	}
	for _, f := range b.manifest.Files {
		var content io.Reader = bytes.NewReader(b.keys[f.Name])
		if f.Name == store.FileName {
			content = io.NewSectionReader(b.database, 0, f.Size)
		}
		if err := b.entry(archive, f.Name, f.Size, content); err != nil {
			return counted.n, err
		}
	}
	err = archive.Close()
	return counted.n, err
}

func (b *Backup) entry(archive *tar.Writer, name string, size int64, content io.Reader) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: private, ModTime: b.manifest.Made, Format: tar.FormatPAX}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(archive, content)
	return err
}

// Close lets go of the copy of the database.
func (b *Backup) Close() error {
	if b.database == nil {
		return nil
	}
	return b.database.Close()
}

// counter counts what is written.
type counter struct {
	io.Writer
	n int64
}

// Write writes on.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n += int64(n)
	return n, err
}
