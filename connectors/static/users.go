package static

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/files"
	"github.com/shorepass/shorepass/internal/strictyaml"
)

// user is one account.
type user struct {
	Username username       `yaml:"username"`
	Hash     hashText       `yaml:"password_hash"`
	Groups   []group        `yaml:"groups"`
	Disabled bool           `yaml:"disabled"`
	at       fileLineColumn `yaml:"-"`
}

type fileLineColumn struct {
	file         string
	line, column int
}

func (u *user) SetPosition(file string, line, column int) {
	u.at = fileLineColumn{file, line, column}
}

// username is a name and where it stands.
type username struct {
	text string
	at   fileLineColumn
}

func (u *username) UnmarshalText(b []byte) error {
	u.text = string(b)
	return nil
}

func (u *username) SetPosition(file string, line, column int) {
	u.at = fileLineColumn{file, line, column}
}

// fault says what is wrong with a name that is given: files have canonical ones.
func (u username) fault(form connectors.UsernameForm) string {
	canonical, ok := form.Parse(u.text)
	switch {
	case u.text == "":
		return ""
	case !ok:
		return fmt.Sprintf("%q is not a user name: want %s", u.text, form)
	case connectors.HoldsToken(u.text):
		return tokenName
	case canonical == strings.ToLower(u.text) && canonical != u.text:
		return fmt.Sprintf("user names are lower case: write %q", canonical)
	case canonical != u.text:
		return fmt.Sprintf("user names are spelled in one way: write %q", canonical)
	}
	return ""
}

// tokenName says of a name what it does not repeat.
const tokenName = "this has the form of an access token, and nobody signs in by such a name"

type group string

func (g *group) UnmarshalText(b []byte) error {
	if len(b) == 0 || !utf8.Valid(b) || bytes.ContainsFunc(b, unicode.IsControl) {
		return errors.New("a group name is empty or has control characters")
	}
	*g = group(b)
	return nil
}

type hashText struct{ hash }

func (h *hashText) UnmarshalText(b []byte) (err error) {
	h.hash, err = parseHash(string(b))
	return err
}

// loadUsers reads users.yaml.
func loadUsers(path string, form connectors.UsernameForm) ([]user, error) {
	var file struct {
		Users []user `yaml:"users"`
	}
	var problems strictyaml.Problems
	if err := strictyaml.DecodeFile(path, &file); err != nil && !errors.As(err, &problems) {
		return nil, err
	}
	decoded := len(problems) == 0 // else what is missing may be there, and at fault
	for _, u := range file.Users {
		if fault := u.Username.fault(form); fault != "" {
			problems = append(problems, u.Username.at.problem(fault))
		}
		if decoded && u.Username.text == "" {
			problems = append(problems, u.at.problem("this user has no username"))
		}
		if decoded && u.Hash.hash == nil {
			problems = append(problems, u.at.problem("this user has no password_hash: make one with \"shorepass users hash\""))
		}
	}
	return checked(file.Users, problems, path)
}

// maxFile is the largest htpasswd file read, in bytes.
const maxFile = 8 << 20

// loadHtpasswd reads the bcrypt lines of an htpasswd file. Names are taken without
// regard to case, as typed names are.
func loadHtpasswd(path string, form connectors.UsernameForm) ([]user, error) {
	content, err := files.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	var users []user
	var problems strictyaml.Problems
	n := 0
	for text := range strings.Lines(string(content)) {
		n++
		line := strings.TrimSpace(text)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		u, err := parseHtpasswd(line, form)
		u.at = fileLineColumn{path, n, 1}
		if err != nil {
			problems = append(problems, u.at.problem(err.Error()))
			continue
		}
		users = append(users, u)
	}
	return checked(users, problems, path)
}

func parseHtpasswd(line string, form connectors.UsernameForm) (user, error) {
	typed, text, ok := strings.Cut(line, ":")
	name, valid := form.Parse(typed)
	if !ok || !valid {
		return user{}, fmt.Errorf("want NAME:HASH, the name %s", form)
	}
	if connectors.HoldsToken(typed) {
		return user{}, errors.New(tokenName)
	}
	if !strings.HasPrefix(text, "$2") {
		return user{}, fmt.Errorf("user %s: not a bcrypt hash: make the line anew with htpasswd -B", name)
	}
	h, err := parseBcrypt(text)
	if err != nil {
		return user{}, fmt.Errorf("user %s: %w", name, err)
	}
	return user{Username: username{text: name}, Hash: hashText{h}}, nil
}

// checked adds what is wrong with the users taken together.
func checked(users []user, problems strictyaml.Problems, path string) ([]user, error) {
	first := make(map[string]int, len(users))
	for _, u := range users {
		if line, ok := first[u.Username.text]; ok && u.Username.text != "" {
			problems = append(problems, u.at.problem(fmt.Sprintf("user %s is listed twice: first in line %d", u.Username.text, line)))
			continue
		}
		first[u.Username.text] = u.at.line
	}
	if len(users) == 0 && len(problems) == 0 {
		problems = append(problems, fileLineColumn{path, 1, 1}.problem("lists no users"))
	}
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return users, nil
}

func (p fileLineColumn) problem(message string) strictyaml.Problem {
	return strictyaml.Problem{File: p.file, Line: p.line, Column: p.column, Message: message}
}
