package files_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/files"
)

func TestCertPool(t *testing.T) {
	if pool, err := files.CertPool("ca_file", ""); pool != nil || err != nil {
		t.Errorf("without a file: %v, error %v; want the system's", pool, err)
	}
	if pool, err := files.CertPool("ca_file", "../../broker/token/testdata/es256.crt"); pool == nil || err != nil {
		t.Errorf("a certificate: %v, error %v", pool, err)
	}
	folder := t.TempDir()
	text := filepath.Join(folder, "text")
	if err := os.WriteFile(text, []byte("no certificate\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, words := range map[string]string{text: "holds no certificate in PEM form", folder: "is a directory", filepath.Join(folder, "none"): "does not exist"} {
		if _, err := files.CertPool("ca_file", path); err == nil || !strings.HasPrefix(err.Error(), "ca_file: ") || !strings.Contains(err.Error(), words) {
			t.Errorf("error %v, want one of ca_file that says %q", err, words)
		}
	}
}
