package store_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

// Nothing that the store writes holds a token's text, nor what of it is secret.
func TestNoSecrets(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, store.FileName))
	text := pat.NewText()
	one := full()
	one.ID, one.Hash, one.Revoked = text.ID(), text.Hash(), token("").Revoked
	create(t, s, one)
	if err := s.RecordUses(t.Context(), []pat.Use{{Realm: "corp", ID: one.ID, At: now}}); err != nil {
		t.Fatal(err)
	}
	secret := []byte(text.Secret().Reveal())
	forms := [][]byte{secret[16:]}
	for _, part := range [][]byte{secret, secret[16:]} {
		forms = append(forms, []byte(base64.StdEncoding.EncodeToString(part)[:20]), []byte(hex.EncodeToString(part)))
	}
	looked, found := 0, false
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		looked++
		found = found || bytes.Contains(content, []byte(text.ID())) && bytes.Contains(content, one.Hash[:])
		for _, form := range forms {
			if bytes.Contains(content, form) {
				t.Errorf("%s holds the secret", name)
			}
		}
	}
	if looked < 3 || !found {
		t.Errorf("%d files (%v), the token in them: %t: the test looks in the wrong place", looked, files, found)
	}
}
