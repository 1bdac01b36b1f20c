package starter_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/shorepass/shorepass/internal/starter"
)

func TestWrite(t *testing.T) {
	for _, directory := range starter.Directories() {
		t.Run(directory, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "new", "folder")
			w, err := starter.Write(directory, folder)
			if err != nil || w.Folder != folder {
				t.Fatalf("%+v, %v", w, err)
			}
			var found []string
			entries, err := os.ReadDir(folder)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				found = append(found, e.Name())
			}
			want := []string{w.Config, w.Policy, w.Secret}
			if slices.Sort(want); !slices.Equal(found, want) {
				t.Errorf("the folder has %q, want %q", found, want)
			}
			secret := filepath.Join(folder, w.Secret)
			content, err := os.ReadFile(secret)
			if err != nil || string(content) != starter.Secret+"\n" {
				t.Errorf("the secret is %q, %v", content, err)
			}
			if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the secret is %v, %v", info, err)
			}
		})
	}
}

// TestNothingIsOverwritten puts each file in the way, even a link that leads nowhere: then
// none is written.
func TestNothingIsOverwritten(t *testing.T) {
	for _, name := range []string{"shorepass.yaml", "policy.yaml", "ldap-password"} {
		folder := t.TempDir()
		if err := os.Symlink(filepath.Join(folder, "nowhere"), filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := starter.Write("openldap", folder); err == nil {
			t.Errorf("%s: no error", name)
		}
		if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
			t.Errorf("%s: the folder has %v, %v", name, entries, err)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, directory := range []string{"", "nis", "..", "openldap/.."} {
		folder := filepath.Join(t.TempDir(), "none")
		if _, err := starter.Write(directory, folder); !errors.Is(err, starter.ErrUnknown) {
			t.Errorf("%q: error %v", directory, err)
		}
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%q: a folder is made", directory)
		}
	}
}
