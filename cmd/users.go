package cmd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/shorepass/shorepass/connectors"
)

func newUsers(p *program) *cobra.Command {
	return group("users", "Accounts of the static connector", newUsersHash(p))
}

func newUsersHash(p *program) *cobra.Command {
	var algorithm string
	var asJSON bool
	c := &cobra.Command{
		Use:   "hash",
		Short: "Print the hash of a password, for users.yaml",
		Long:  "Print the hash of a password, for users.yaml. The password is read from the\nterminal, or from the first line of standard input.",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			if !slices.Contains(hashAlgorithms(), algorithm) {
				return usageError{fmt.Errorf("unknown algorithm %q: want %s", algorithm, strings.Join(hashAlgorithms(), " or "))}
			}
			password, err := p.newPassword()
			if err != nil {
				return err
			}
			hash, err := hashPassword(password, algorithm)
			if err != nil {
				return err
			}
			if asJSON {
				return p.printJSON(map[string]string{"password_hash": hash})
			}
			_, err = fmt.Fprintln(p.Out, hash)
			return err
		},
	}
	jsonFlag(c, &asJSON)
	c.Flags().StringVar(&algorithm, "algorithm", hashAlgorithms()[0], strings.Join(hashAlgorithms(), " or "))
	return c
}

// newPassword reads a password that is to be used from now on: at a terminal, twice.
func (p *program) newPassword() (connectors.Secret, error) {
	first, err := p.password("Password: ")
	if err != nil || !p.terminal() {
		return first, err
	}
	second, err := p.password("Again: ")
	if err == nil && first.Reveal() != second.Reveal() {
		err = errors.New("the passwords differ")
	}
	return first, err
}

// password reads a password from the terminal without showing it, or else the first
// line of standard input.
func (p *program) password(prompt string) (connectors.Secret, error) {
	if p.terminal() {
		fmt.Fprint(p.Err, prompt)
		typed, err := term.ReadPassword(int(p.In.(*os.File).Fd())) //nolint:gosec // a descriptor fits an int
		fmt.Fprintln(p.Err)
		if err != nil {
			return connectors.Secret{}, fmt.Errorf("the password cannot be read: %w", err)
		}
		return connectors.NewSecret(string(typed)), nil
	}
	return p.passwordLine()
}

// passwordLine reads a password from the first line of standard input.
func (p *program) passwordLine() (connectors.Secret, error) {
	line, err := bufio.NewReader(io.LimitReader(p.In, 64<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return connectors.Secret{}, fmt.Errorf("the password cannot be read: %w", err)
	}
	return connectors.NewSecret(strings.TrimRight(line, "\r\n")), nil
}

// terminal reports whether somebody types at standard input.
func (p *program) terminal() bool {
	f, ok := p.In.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // a descriptor fits an int
}
