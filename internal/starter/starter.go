package starter

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

//go:embed files
var files embed.FS

// Directories are the kinds of directories that there is a configuration for.
func Directories() []string { return []string{"openldap", "active-directory", "keycloak"} }

// ErrUnknown is the error of a kind of directory that there is no configuration for.
var ErrUnknown = errors.New("there is no configuration for such a directory")

// Secret is what stands in the file of the secret, to be replaced.
const Secret = "change-me"

// Written are the files of a configuration, by their names in the folder.
type Written struct {
	Folder string
	Config string // shorepass.yaml
	Policy string // the rules
	Secret string // the file in which the directory's secret is to be put
}

// Write writes the configuration for a kind of directory into a folder, which is made if need
// be. Nothing is written where any of the files is there already. It fails with [ErrUnknown]
// where there is none for the kind.
func Write(directory, folder string) (Written, error) {
	from := "files/" + directory
	entries, err := files.ReadDir(from)
	if err != nil || !slices.Contains(Directories(), directory) {
		return Written{}, ErrUnknown
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // nothing in it is secret but the one file
		return Written{}, err
	}
	w := Written{Folder: folder, Config: "shorepass.yaml", Policy: "policy.yaml"}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return Written{}, fmt.Errorf("%s is there already, and is left as it is: name another folder with --out", path)
		}
		if e.Name() != w.Config && e.Name() != w.Policy {
			w.Secret = e.Name()
		}
	}
	for _, e := range entries {
		content, err := files.ReadFile(from + "/" + e.Name())
		if err == nil {
			err = create(filepath.Join(folder, e.Name()), content, e.Name() == w.Secret)
		}
		if err != nil {
			return Written{}, err
		}
	}
	return w, nil
}

// create makes a file that is not there; a secret is nobody else's to read.
func create(path string, content []byte, secret bool) error {
	mode := os.FileMode(0o644)
	if secret {
		mode = 0o600
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
