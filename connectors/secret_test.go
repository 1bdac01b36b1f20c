package connectors_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
)

func TestSecretNeverPrints(t *testing.T) {
	const canary = "correct-horse"
	secret := connectors.NewSecret(canary)
	type holder struct {
		Exported connectors.Secret
		hidden   connectors.Secret
		pointer  *connectors.Secret
	}
	values := map[string]any{
		"value":       secret,
		"pointer":     &secret,
		"struct":      holder{secret, secret, &secret},
		"slice":       []connectors.Secret{secret},
		"map":         map[string]connectors.Secret{"k": secret},
		"credentials": connectors.Credentials{Username: "alice", Password: secret},
	}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%T", "%w"} {
				fmt.Fprintf(&out, verb+"\n", value)
			}
			slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "secret", value)
			slog.New(slog.NewTextHandler(&out, nil)).Info("m", "secret", value)
			if err := json.NewEncoder(&out).Encode(value); err != nil {
				t.Fatal(err)
			}
			for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("%d", []byte(canary))} {
				if strings.Contains(out.String(), form) {
					t.Errorf("the secret is printed as %s in:\n%s", form, &out)
				}
			}
		})
	}
	if got := secret.Reveal(); got != canary {
		t.Errorf("Reveal() = %q", got)
	}
}

func TestSecretBlank(t *testing.T) {
	for text, want := range map[string]bool{"": true, "\x00": true, "\x00\x00\x00": true, " ": false, "a\x00": false, "\x00a": false} {
		if got := connectors.NewSecret(text).Blank(); got != want {
			t.Errorf("Blank(%q) = %v, want %v", text, got, want)
		}
	}
	var zero connectors.Secret
	if !zero.Blank() || zero.Reveal() != "" {
		t.Error("the zero Secret is not empty")
	}
}
