package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/shorepass/shorepass/internal/files"
)

// takeKeys reads the keys. Each of their files is whole at any time, but they belong
// together: it reads and checks until nothing has changed meanwhile.
func takeKeys(from Source) (map[string][]byte, error) {
	before, err := readKeys(from.DataDir)
	for range 10 {
		checked := from.Check()
		after, again := readKeys(from.DataDir)
		if again == nil && maps.EqualFunc(before, after, bytes.Equal) {
			return after, checked
		}
		before, err = after, again
	}
	if err == nil {
		err = errors.New("they change all the time: try again")
	}
	return nil, fmt.Errorf("the keys cannot be read: %w", err)
}

// readKeys reads the files of all realms, by their names below the data folder. It follows
// links, as the program does that signs with them.
func readKeys(dataDir string) (map[string][]byte, error) {
	content := map[string][]byte{}
	realms, err := entries(filepath.Join(dataDir, keysFolder))
	if err != nil {
		return nil, err
	}
	for _, realm := range realms {
		names, err := entries(filepath.Join(dataDir, keysFolder, realm))
		if errors.Is(err, syscall.ENOTDIR) {
			continue // not ours
		}
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			below := path.Join(keysFolder, realm, name)
			if path.Ext(name) == ".new" || !keyFile.MatchString(below) { // unfinished, or not ours
				continue
			}
			info, err := os.Stat(filepath.Join(dataDir, filepath.FromSlash(below)))
			if err == nil && info.IsDir() {
				continue // not ours
			}
			if content[below], err = files.Read(filepath.Join(dataDir, filepath.FromSlash(below)), maxKeyFile); err != nil {
				return nil, err
			}
		}
	}
	return content, nil
}

// entries lists the names in a folder; none where there is no folder.
func entries(folder string) (names []string, err error) {
	found, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, entry := range found {
		names = append(names, entry.Name())
	}
	return names, err
}
