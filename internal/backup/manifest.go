package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shorepass/shorepass/internal/store"
)

const (
	manifestName = "manifest.json"
	keysFolder   = "keys"
	format       = 1       // of the archive; a program reads those that it knows
	maxManifest  = 1 << 20 // bytes
	maxKeyFile   = 1 << 20 // bytes
)

// Manifest says what is in a backup.
type Manifest struct {
	Format  int       `json:"format"`
	Made    time.Time `json:"made"`
	Program string    `json:"program"`          // the version that made it
	Schema  int64     `json:"schema,omitempty"` // of the database; 0: there is none
	Files   []File    `json:"files"`
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"` // below the data folder, with slashes
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// programText is what the version of a program may look like: it is printed.
var programText = regexp.MustCompile(`^[0-9A-Za-z.+()_-]{1,100}$`)

// keyFile is what a key's file may be called: no way out of its folder.
var keyFile = regexp.MustCompile(`^keys/[a-z0-9][a-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$`)

// parseManifest reads a manifest, and wants it to name no other files than a backup has.
func parseManifest(content []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(content, &m); err != nil {
		return m, fmt.Errorf("its %s cannot be read: %w", manifestName, err)
	}
	if !programText.MatchString(m.Program) {
		return m, fmt.Errorf("its %s names no program that makes backups: %.100q", manifestName, m.Program)
	}
	if m.Format != format {
		return m, fmt.Errorf("its format is %d, and this program reads %d: restore it with the version that made it (%s)", m.Format, format, m.Program)
	}
	if len(m.Files) == 0 {
		return m, errors.New("there is nothing in it")
	}
	if (m.Schema > 0) != m.hasDatabase() {
		return m, fmt.Errorf("its %s speaks of a schema, and names no database, or the other way round", manifestName)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		switch {
		case seen[f.Name]:
			return m, fmt.Errorf("%q is in it twice", f.Name)
		case f.Name == store.FileName && f.Size >= 0:
		case keyFile.MatchString(f.Name) && path.Clean(f.Name) == f.Name && !strings.Contains(f.Name, "..") && f.Size >= 0 && f.Size <= maxKeyFile:
		default:
			return m, fmt.Errorf("%q (%d bytes) is nothing that a backup has", f.Name, f.Size)
		}
		seen[f.Name] = true
	}
	return m, nil
}

// hasDatabase reports whether the database is in the backup.
func (m Manifest) hasDatabase() bool {
	return slices.ContainsFunc(m.Files, func(f File) bool { return f.Name == store.FileName })
}

// databaseAlone is the manifest without the keys.
func (m Manifest) databaseAlone() Manifest {
	m.Files = slices.DeleteFunc(slices.Clone(m.Files), func(f File) bool { return f.Name != store.FileName })
	return m
}
