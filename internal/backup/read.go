package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// private is the mode of what is written.
const private = 0o600

// read reads an archive to its end, hands each file to take, and fails where it is not
// what its manifest says.
func read(ctx context.Context, r io.Reader, take func(File, io.Reader) error) (Manifest, error) {
	archive := tar.NewReader(bounded{ctx, r})
	m, err := readManifest(archive)
	if err != nil {
		return m, err
	}
	for _, f := range m.Files {
		header, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF):
			return m, fmt.Errorf("it is cut short: %s is missing", f.Name)
		case err != nil:
			return m, damaged(err)
		case isSparse(header):
			return m, fmt.Errorf("%q has holes in it, which no backup has", header.Name)
		case header.Name != f.Name || header.Size != f.Size || header.Typeflag != tar.TypeReg:
			return m, fmt.Errorf("it is not what its manifest says: %q (%d bytes) is there instead of %q (%d bytes)", header.Name, header.Size, f.Name, f.Size)
		}
		sum := sha256.New()
		if err := take(f, io.TeeReader(archive, sum)); err != nil {
			return m, damaged(err)
		}
		if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
			return m, fmt.Errorf("it is damaged: the content of %s is not what was written", f.Name)
		}
	}
	if header, err := archive.Next(); err == nil {
		return m, fmt.Errorf("%q is in it, of which its manifest says nothing", header.Name)
	} else if !errors.Is(err, io.EOF) {
		return m, damaged(err)
	}
	return m, nil
}

// isSparse reports whether a file is longer than what the archive has of it: a few bytes
// would fill a disk.
func isSparse(header *tar.Header) bool {
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return header.Typeflag == tar.TypeGNUSparse
}

// bounded reads until its context ends.
type bounded struct {
	ctx context.Context // lives no longer than the call that has it
	r   io.Reader
}

// Read reads on.
func (b bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.r.Read(p)
}

func readManifest(archive *tar.Reader) (Manifest, error) {
	header, err := archive.Next()
	if errors.Is(err, context.Canceled) {
		return Manifest{}, err
	}
	if err != nil || header.Name != manifestName || header.Size > maxManifest || isSparse(header) {
		return Manifest{}, errors.New("it is no backup of shorepass, or damaged at its beginning")
	}
	content, err := io.ReadAll(archive)
	if err != nil {
		return Manifest{}, damaged(err)
	}
	return parseManifest(content)
}

// damaged says in plain words what package tar found.
func damaged(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it is cut short")
	case errors.Is(err, tar.ErrHeader):
		return errors.New("it is damaged")
	}
	return err
}

// Verify reads a backup to its end.
func Verify(ctx context.Context, r io.Reader) (Manifest, error) {
	return read(ctx, r, func(_ File, content io.Reader) error {
		_, err := io.Copy(io.Discard, content)
		return err
	})
}

// unpack writes files of a backup, those that are wanted, into a folder.
func unpack(ctx context.Context, r io.Reader, folder string, wanted func(File) bool) (Manifest, error) {
	return read(ctx, r, func(f File, content io.Reader) (err error) {
		if !wanted(f) {
			_, err := io.Copy(io.Discard, content)
			return err
		}
		if err := checkRoom(folder, f); err != nil {
			return err
		}
		name := filepath.Join(folder, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		return writeFile(name, content)
	})
}

// checkRoom wants room for a file, before what there is gets used up.
func checkRoom(folder string, f File) error {
	var system syscall.Statfs_t
	if err := syscall.Statfs(folder, &system); err != nil {
		return err
	}
	if free := system.Bavail * uint64(system.Bsize); uint64(f.Size) > free { //nolint:gosec // neither is negative
		return fmt.Errorf("there is no room for %s, which has %d bytes: %d are free in %s", f.Name, f.Size, free, folder)
	}
	return nil
}

// writeFile writes a file that is not there yet, and waits until it is on the disk.
func writeFile(name string, content io.Reader) (err error) {
	to, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, private)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := io.Copy(to, content); err != nil {
		return err
	}
	return to.Sync()
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
