package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/token" // registers "token"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory" // registers "inmemory"
	"github.com/sirupsen/logrus"
)

// Config is what an operator would write into the registry's configuration file.
type Config struct {
	Address        string // where to listen
	Realm          string // URL of the token endpoint
	Service        string // the audience that tokens must name
	Issuer         string // who must have signed them
	RootCertBundle string // file with the issuer's CA certificate
	LogFile        string // where the registry's own log goes
}

// Server is a running registry.
type Server struct {
	http   *http.Server
	app    *handlers.App
	log    *os.File
	failed chan error
}

// Start runs a registry until [Server.Stop]; the context is for the start alone.
func Start(ctx context.Context, c Config) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("the registry: %w", err)
	}
	log, err := os.Create(c.LogFile)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	logrus.SetOutput(log) // distribution logs to the global logger, and to no other

	app := handlers.NewApp(context.WithoutCancel(ctx), c.configuration())
	s := &Server{
		http:   &http.Server{Handler: app, ReadHeaderTimeout: 5 * time.Second},
		app:    app,
		log:    log,
		failed: make(chan error, 1),
	}
	go func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("the registry: %w", err)
		}
	}()
	return s, nil
}

// configuration is the registry's configuration file as it is once parsed. It is
// not read from a file, since the parser also takes REGISTRY_ variables from the
// environment.
func (c Config) configuration() *configuration.Configuration {
	config := &configuration.Configuration{
		Version: configuration.CurrentVersion,
		Storage: configuration.Storage{
			"inmemory":    {},
			"delete":      {"enabled": true},
			"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
		},
		Auth: configuration.Auth{"token": {
			"realm":          c.Realm,
			"service":        c.Service,
			"issuer":         c.Issuer,
			"rootcertbundle": c.RootCertBundle,
			// Without this list a registry would take tokens signed with a shared secret.
			"signingalgorithms": []any{"ES256"},
		}},
	}
	config.Catalog.MaxEntries = 1000
	return config
}

// Failed delivers the error of a registry that could not go on.
func (s *Server) Failed() <-chan error { return s.failed }

// Stop ends the registry, and what it was just doing after a moment.
func (s *Server) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close()
	}
	_ = s.app.Shutdown()
	logrus.SetOutput(io.Discard)
	_ = s.log.Close()
}
