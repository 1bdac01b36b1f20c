package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/files"
)

// defaultConfig is where a command looks for its configuration.
const defaultConfig = "shorepass.yaml"

// configFlag adds --config to a command.
func configFlag(c *cobra.Command, path *string) {
	c.Flags().StringVarP(path, "config", "c", defaultConfig, "configuration `file`")
}

// realmFlag adds --realm to a command.
func realmFlag(c *cobra.Command, name *string) {
	c.Flags().StringVar(name, "realm", "", "`name` of the realm; may be left out where there is one")
}

// jsonFlag adds --json to a command.
func jsonFlag(c *cobra.Command, asJSON *bool) {
	c.Flags().BoolVar(asJSON, "json", false, "print JSON")
}

// load reads the configuration. Its faults are printed as the error's text.
func (p *program) load(path string) (*config.Config, error) {
	if err := missing(path); err != nil {
		return nil, err
	}
	cfg, err := config.Load(path, p.types)
	if err != nil {
		return nil, faulty(err)
	}
	p.lookAtDatabase(cfg)
	return cfg, nil
}

// loadRealm reads the configuration and finds a realm.
func (p *program) loadRealm(path, name string) (*config.Config, config.Realm, error) {
	cfg, err := p.load(path)
	if err != nil {
		return nil, config.Realm{}, err
	}
	realm, err := realmOf(cfg, name)
	return cfg, realm, err
}

// loadKeys reads what the configuration says of keys and registries, without secrets,
// and finds a realm.
func loadKeys(path, name string) (*config.Config, config.Realm, error) {
	cfg, err := readKeys(path)
	if err != nil {
		return nil, config.Realm{}, err
	}
	realm, err := realmOf(cfg, name)
	return cfg, realm, err
}

// readKeys reads what the configuration says, but for connectors and policies.
func readKeys(path string) (*config.Config, error) {
	if err := missing(path); err != nil {
		return nil, err
	}
	cfg, err := config.LoadKeys(path)
	if err != nil {
		return nil, faulty(err)
	}
	return cfg, nil
}

// missing is the error of a configuration that is not there; nil where it is.
func missing(path string) *files.Error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	return &files.Error{Path: path, Problem: "does not exist: name another with --config, or write a first one with \"shorepass config init\""}
}

func faulty(err error) error { return fmt.Errorf("the configuration has faults:\n%w", err) }

// loadService reads the configuration and finds a realm and a service of it.
func (p *program) loadService(path, realmName, name string) (cfg *config.Config, realm config.Realm, service string, err error) {
	if cfg, realm, err = p.loadRealm(path, realmName); err != nil {
		return nil, realm, "", err
	}
	s, err := serviceOf(realm, name)
	return cfg, realm, s.Name, err
}

// realmOf returns the named realm, or the only one.
func realmOf(cfg *config.Config, name string) (config.Realm, error) {
	var names []string
	for _, r := range cfg.Realms {
		if r.Name == name || name == "" && len(cfg.Realms) == 1 {
			return r, nil
		}
		names = append(names, r.Name)
	}
	if name == "" {
		return config.Realm{}, usageError{fmt.Errorf("say which realm with --realm: there are %s", strings.Join(names, ", "))}
	}
	return config.Realm{}, fmt.Errorf("there is no realm %q; the realms are: %s", name, strings.Join(names, ", "))
}

func serviceNames(r config.Realm) []string {
	names := make([]string, len(r.Services))
	for i, s := range r.Services {
		names[i] = s.Name
	}
	return names
}

// serviceOf returns the named service of a realm, or the only one.
func serviceOf(r config.Realm, name string) (config.Service, error) {
	var names []string
	for _, s := range r.Services {
		if s.Name == name || name == "" && len(r.Services) == 1 {
			return s, nil
		}
		names = append(names, s.Name)
	}
	if name == "" {
		return config.Service{}, usageError{fmt.Errorf("say which service with --service: realm %s has %s", r.Name, strings.Join(names, ", "))}
	}
	return config.Service{}, fmt.Errorf("realm %s has no service %q; its services are: %s", r.Name, name, strings.Join(names, ", "))
}

// logger writes to standard error as the configuration says. Its level can be changed.
func (p *program) logger(cfg *config.Config) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(levelOf(cfg))
	options := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(p.Err, options)), level
	}
	return slog.New(slog.NewTextHandler(p.Err, options)), level
}

// levelOf is from where on the configuration has something logged.
func levelOf(cfg *config.Config) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		return slog.LevelInfo
	}
	return level
}

// quiet logs nothing but warnings and errors: for commands that answer a question.
func (p *program) quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(p.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// noEmptyFlags refuses flags that were given without a value, as by a shell variable
// that is not set: taken for left out, they would ask something else. So would what is no
// UTF-8, of which JSON makes something else.
func noEmptyFlags(c *cobra.Command) error {
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.String() == "" {
			err = usageError{fmt.Errorf("--%s is empty", f.Name)}
		}
		if !utf8.ValidString(f.Value.String()) {
			err = usageError{fmt.Errorf("--%s is not UTF-8", f.Name)}
		}
	})
	return err
}
