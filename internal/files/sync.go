package files

import (
	"errors"
	"os"
)

// SyncFolder waits until the names in a folder are on the disk: what was made in it, renamed
// or removed before outlasts a loss of power.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
