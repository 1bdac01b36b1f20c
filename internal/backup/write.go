package backup

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"

	"github.com/shorepass/shorepass/internal/store"
)

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
