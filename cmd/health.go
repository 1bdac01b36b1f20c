package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/internal/files"
)

func newHealth(p *program) *cobra.Command {
	var path, monitor string
	var asJSON bool
	c := &cobra.Command{
		Use:   "health",
		Short: "Ask the running process whether it is ready, for container health checks",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			addr, err := monitor, error(nil)
			if addr == "" {
				addr, err = monitorOf(path)
			}
			if err != nil {
				return err
			}
			err = health(c.Context(), addr)
			if asJSON {
				return errors.Join(p.printJSON(map[string]bool{"healthy": err == nil}), err)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(p.Out, "healthy")
			return err
		},
	}
	configFlag(c, &path)
	jsonFlag(c, &asJSON)
	c.Flags().StringVar(&monitor, "monitor", "", "`address` of the monitor; left out: the one in the configuration")
	return c
}

// monitorOf reads the one key that matters, so that the health of the process does
// not hang on the rest of a file that is being edited.
func monitorOf(path string) (string, error) {
	content, err := files.Read(path, 8<<20)
	if err != nil {
		return "", err
	}
	keys := struct {
		Monitor string `yaml:"monitor"`
	}{Monitor: "localhost:5002"}
	if err := yaml.Unmarshal(content, &keys); err != nil {
		return "", fmt.Errorf("%s cannot be read as YAML: mend it, or say where the monitor is with --monitor", path)
	}
	return keys.Monitor, nil
}

// health asks the monitor at addr.
func health(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+dialable(addr)+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	transport := &http.Transport{} // without a proxy: it is this machine that is asked
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return fmt.Errorf("not healthy: monitor %s: %w", addr, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err != nil {
		return fmt.Errorf("not healthy: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not healthy: %s", strings.TrimSpace(string(body)))
	}
	return nil
}

// dialable turns a listening address into one to connect to: every address is
// reached at the loopback one.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
