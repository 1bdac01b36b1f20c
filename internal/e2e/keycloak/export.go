package keycloak

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// ExportKey exports a realm by "kc.sh export" and returns the private key of one of its
// certificates. Both are as Keycloak has them: Base64 of DER, X.509 and PKCS #1. The
// server must be stopped: its database is a file.
func (s *Server) ExportKey(realm, certificate string) (string, error) {
	file := filepath.Join(s.home, "data", realm+"-export.json")
	p, err := s.run("export", "--realm", realm, "--file", file)
	if err != nil {
		return "", err
	}
	select {
	case <-p.Done():
	case <-time.After(readyWithin):
		return "", errors.Join(fmt.Errorf("the export takes longer than %s:\n%s", readyWithin, s.Log()), p.Stop(os.Kill, 0))
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("no export (%s): %w\n%s", p.State(), err, s.Log())
	}
	var export struct {
		Components map[string][]struct {
			Config struct {
				PrivateKey, Certificate []string
			} `json:"config"`
		} `json:"components"`
	}
	if err := json.Unmarshal(content, &export); err != nil {
		return "", err
	}
	for _, c := range export.Components["org.keycloak.keys.KeyProvider"] {
		if slices.Equal(c.Config.Certificate, []string{certificate}) && len(c.Config.PrivateKey) == 1 {
			return c.Config.PrivateKey[0], nil
		}
	}
	return "", fmt.Errorf("the export of %s does not have the key of that certificate", realm)
}
