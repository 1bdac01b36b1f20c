package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// private is the mode of what is written.
const private = 0o600

// read reads an archive to its end, hands each file to take, and fails where it is not
// what its manifest says.
func read(r io.Reader, take func(File, io.Reader) error) (Manifest, error) {
	archive := tar.NewReader(r)
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

func readManifest(archive *tar.Reader) (Manifest, error) {
	header, err := archive.Next()
	if err != nil || header.Name != manifestName || header.Size > maxManifest {
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
func Verify(r io.Reader) (Manifest, error) {
	return read(r, func(_ File, content io.Reader) error {
		_, err := io.Copy(io.Discard, content)
		return err
	})
}

// unpack writes the files of a backup into a folder.
func unpack(r io.Reader, folder string) (Manifest, error) {
	return read(r, func(f File, content io.Reader) (err error) {
		name := filepath.Join(folder, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		to, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, private)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, to.Close()) }()
		if _, err := io.Copy(to, content); err != nil {
			return err
		}
		return to.Sync()
	})
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
