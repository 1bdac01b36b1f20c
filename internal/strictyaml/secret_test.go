package strictyaml_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/strictyaml"
)

type vault struct {
	Secret connectors.Secret            `yaml:"secret"`
	Ptr    *connectors.Secret           `yaml:"ptr"`
	Map    map[string]connectors.Secret `yaml:"map"`
	List   []connectors.Secret          `yaml:"list"`
	Number int                          `yaml:"number"`
}

func TestSecrets(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "f.yaml")
	for name, content := range map[string]string{"plain": "s3cret", "lf": "s3cret\n", "crlf": "s3cret\r\n", "two": "s3cret\n\n", "cr": "s3cret\r"} {
		write(t, filepath.Join(folder, name), content)
	}
	t.Setenv("SHOREPASS_TEST_SECRET", "from env\n")
	tests := []struct{ name, yaml, want string }{
		{"text", "secret: s3cret", "s3cret"},
		{"text with spaces and a hash", "secret: s3 cret#1", "s3 cret#1"},
		{"text in quotes", `secret: "12345"`, "12345"},
		{"file", "secret: {file: plain}", "s3cret"},
		{"file with a line feed", "secret: {file: lf}", "s3cret"},
		{"file with CRLF", "secret: {file: crlf}", "s3cret"},
		{"file with two line feeds", "secret: {file: two}", "s3cret\n"},
		{"file with a carriage return", "secret: {file: cr}", "s3cret\r"},
		{"file with an absolute path", "secret: {file: " + folder + "/lf}", "s3cret"},
		{"environment", "secret: {env: SHOREPASS_TEST_SECRET}", "from env\n"},
		{"block", "secret:\n  env: SHOREPASS_TEST_SECRET", "from env\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got vault
			if err := strictyaml.Decode(file, []byte(test.yaml), &got); err != nil {
				t.Fatal(err)
			}
			if got.Secret.Reveal() != test.want {
				t.Errorf("got %q, want %q", got.Secret.Reveal(), test.want)
			}
		})
	}
}

func TestRefusedSecrets(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "f.yaml")
	write(t, filepath.Join(folder, "empty"), "\n")
	write(t, filepath.Join(folder, "large"), strings.Repeat("x", 64<<10+1))
	if err := os.Mkdir(filepath.Join(folder, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SHOREPASS_TEST_SECRET", "")
	const form = "want a secret: text, {file: PATH} or {env: NAME}"
	tests := []struct{ name, yaml, want string }{
		{"nothing", "secret:", "1:1: the secret is empty"},
		{"null", "secret: ~", "1:9: the secret is empty"},
		{"empty text", "secret: ''", "1:9: the secret is empty"},
		{"NUL", `secret: "\0"`, "1:9: the secret is empty"},
		{"number", "secret: 12345", "1:9: a secret that looks like a number must be in quotes"},
		{"boolean", "secret: true", "1:9: a secret that looks like a boolean must be in quotes"},
		{"list", "secret: [x]", "1:9: " + form},
		{"empty mapping", "secret: {}", "1:9: " + form},
		{"another key", "secret: {value: x}", "1:17: " + form},
		{"two keys", "secret: {file: x, env: y}", "1:10: " + form},
		{"file that is no text", "secret: {file: [x]}", "1:16: " + form},
		{"file without a name", "secret: {file: }", "1:10: " + form},
		{"environment variable of a number", "secret: {env: 5}", "1:15: " + form},
		{"no such file", "secret: {file: none}", "1:16: the secret's file does not exist; its path starts from " + folder},
		{"no such file, absolute", "secret: {file: /none/such}", "1:16: the secret's file does not exist"},
		{"a folder", "secret: {file: /}", "1:16: the secret's file is a directory, not a file"},
		{"a large file", "secret: {file: large}", "1:16: the secret's file has more than 65536 bytes; its path starts from " + folder},
		{"an empty file", "secret: {file: empty}", "1:10: the secret is empty"},
		{"no such variable", "secret: {env: SHOREPASS_NONE}", "1:15: the environment variable SHOREPASS_NONE is not set"},
		{"no such variable, perhaps a password", "secret: {env: s3cret}", "1:15: the environment variable that is named here is not set"},
		{"an empty variable", "secret: {env: SHOREPASS_TEST_SECRET}", "1:10: the secret is empty"},
		{"a pointer to none", "ptr:", "1:1: no value: give one, or remove the key"},
		{"in a list", "list: [5]", "1:8: a secret that looks like a number must be in quotes"},
		{"in a map", "map: {a: 5}", "1:10: a secret that looks like a number must be in quotes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantProblems(t, strictyaml.Decode(file, []byte(test.yaml), &vault{}), file+":"+test.want)
		})
	}
}

// TestSecretsAreNotShown writes a canary in every wrong way where a secret belongs.
func TestSecretsAreNotShown(t *testing.T) {
	const canary = "c4nary"
	for _, form := range []string{
		"secret:CANARY", "{secret:CANARY}", "{secret=CANARY}", "secret: [CANARY]", "secret: {CANARY: x}", "secret: {CANARY}", "secret: {file: CANARY}",
		"secret: {env: CANARY}", "secret: {env: x, CANARY: y}", "secret: {CANARY: x, CANARY: y}", "secret: {file: [CANARY]}", "secret: {file: {CANARY: CANARY}}",
		"secret: *CANARY", "secret: &CANARY", "secret: &CANARY\nsecret: *CANARY", "secret: !CANARY", "secret: !!CANARY x", "secret: @CANARY", "secret: `CANARY", "secret: %CANARY\n\t",
		"secret: 'CANARY", `secret: "CANARY`, `secret: "CANARY" x`, `secret: "\CANARY"`, "secret: [CANARY", "secret: {CANARY", "secret: CANARY: x", "secret: x: CANARY",
		"secret: CANARY\nsecret: CANARY", "secret: |\n CANARY\n\tCANARY", "secret: >CANARY", "secret: |CANARY", "secret: CANARY\n---\nCANARY", "secret: CANARY\tCANARY", "secret: ? CANARY",
		"secret:\n  - CANARY: CANARY", "secret: <<CANARY", "secret: {<<: CANARY}", "secret: CANARY\n  CANARY # CANARY\n  CANARY", "secret: 5\nnumber: x",
		"map: {a: {CANARY: x}}", "list: [{env: CANARY}, [CANARY]]", "ptr: {b: CANARY}", "secret: CANARY\x00", "secret: CANARY\xff", "%CANARY\n---\nsecret: x", "%YAML CANARY\n---\nsecret: x",
	} {
		err := strictyaml.Decode("f", []byte(strings.ReplaceAll(form, "CANARY", canary)), &vault{})
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%q: %v", form, err)
		}
	}
}
