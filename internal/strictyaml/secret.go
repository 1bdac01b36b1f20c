package strictyaml

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/files"
)

// maxSecret is the most that a secret's file may hold, in bytes.
const maxSecret = 64 << 10

// What is said where a secret is not right. No message shows what stands there.
const (
	secretWanted = "want a secret: text, {file: PATH} or {env: NAME}"
	secretEmpty  = "the secret is empty"
)

// secretFault says what is wrong with a secret, and where.
type secretFault struct {
	place
	message string
}

// secret reads a secret that is written in the file, or kept in a file or in the
// environment.
func (d *decoder) secret(n *node) (connectors.Secret, *secretFault) {
	refuse := func(at place, message string) (connectors.Secret, *secretFault) {
		return connectors.Secret{}, &secretFault{at, message}
	}
	value := n.text
	switch n.kind {
	case null:
		return refuse(n.place, secretEmpty)
	case number, boolean:
		return refuse(n.place, "a secret that looks like "+n.kind.String()+" must be in quotes")
	case list:
		return refuse(n.place, secretWanted)
	case mapping:
		if len(n.entries) != 1 {
			return refuse(n.start(), secretWanted)
		}
		e := n.entries[0]
		kept, err := d.keptSecret(e)
		if err != nil {
			return refuse(e.value.start(), err.Error())
		}
		value = kept
	}
	secret := connectors.NewSecret(value)
	if secret.Blank() {
		return refuse(n.start(), secretEmpty)
	}
	return secret, nil
}

func (d *decoder) keptSecret(e entry) (string, error) {
	switch {
	case e.value.kind != text || e.value.text == "":
		return "", errors.New(secretWanted)
	case e.key.text == "env":
		return environment(e.value.text)
	case e.key.text == "file":
		return d.secretFile(e.value.text)
	}
	return "", errors.New(secretWanted)
}

// variable is what names of environment variables look like, and passwords mostly do
// not.
var variable = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

func environment(name string) (string, error) {
	value, ok := os.LookupEnv(name)
	switch {
	case ok:
		return value, nil
	case variable.MatchString(name):
		return "", fmt.Errorf("the environment variable %s is not set", name)
	}
	return "", errors.New("the environment variable that is named here is not set")
}

func (d *decoder) secretFile(path string) (string, error) {
	full := absolute(d.file, path)
	content, err := files.Read(full, maxSecret)
	if err == nil {
		if s, ended := strings.CutSuffix(string(content), "\n"); ended {
			return strings.TrimSuffix(s, "\r"), nil
		}
		return string(content), nil
	}
	message := "the secret's file " + reason(err)
	if !filepath.IsAbs(path) {
		message += "; its path starts from " + folder(d.file)
	}
	return "", errors.New(message)
}
