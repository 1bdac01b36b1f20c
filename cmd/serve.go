package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/shorepass/shorepass/internal/config"
)

// How a stop goes: not ready for the lame duck's time, so that load balancers turn
// away, then no new connections, and the requests under way may end.
const (
	lameDuck   = 5 * time.Second
	drainTime  = 25 * time.Second
	leafChecks = 10 * time.Second // how often it is looked whether a signing key is due
)

func newServe(p *program) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Answer token requests",
		Long: "Answer token requests until told to stop. SIGTERM: not ready for 5 s, then up to 25 s\n" +
			"for the requests under way. SIGINT (Ctrl-C): the same without the 5 s. SIGHUP: read the\n" +
			"configuration again, and every file that it names; where something is wrong with them, the\n" +
			"log says so, and nothing is taken up.",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			changed := make(chan os.Signal, 1)
			signal.Notify(changed, syscall.SIGHUP) // before all else: it would end the process
			defer signal.Stop(changed)
			cfg, err := p.load(path)
			if err != nil {
				return err
			}
			for _, w := range cfg.Warnings() {
				w.Message = "warning: " + w.Message
				fmt.Fprintln(p.Err, w)
			}
			return p.serve(c.Context(), cfg, changed)
		},
	}
	configFlag(c, &path)
	return c
}

// serve opens everything, serves, and closes everything. By changed it learns that the
// configuration is to be read again.
func (p *program) serve(ctx context.Context, cfg *config.Config, changed <-chan os.Signal) (err error) {
	logger, level := p.logger(cfg)
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	defer signal.Stop(terminated)
	signal.Ignore(syscall.SIGPIPE) // a log or audit pipe that breaks is an error like others
	defer calmCollector()()

	d, err := p.openDaemon(ctx, cfg, logger, level)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.listen(); err != nil {
		return err
	}
	failed := d.start()
	logger.Info("serving", slog.String("listen", cfg.Listen), slog.String("monitor", cfg.Monitor),
		slog.String("public_url", cfg.PublicURL), slog.Int("realms", len(cfg.Realms)), slog.Int("connections", d.tasks[0].connections))

	due := time.NewTicker(leafChecks)
	defer due.Stop()
	for {
		select {
		case <-due.C:
			d.rotateDue()
		case <-changed:
			d.reload(ctx)
		case err := <-failed:
			return err
		case <-ctx.Done():
			return d.drain(logger, nil, 0)
		case <-terminated:
			return d.drain(logger, ctx.Done(), lameDuck)
		}
	}
}

// drain stops serving: not ready for wait, cut short when hurry closes, then no new
// requests.
func (d *daemon) drain(logger *slog.Logger, hurry <-chan struct{}, wait time.Duration) error {
	logger.Info("stopping", slog.Duration("lame_duck", wait), slog.Duration("drain", drainTime))
	d.monitor.Drain()
	select {
	case <-time.After(wait):
	case <-hurry:
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	err := d.shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		logger.Warn("requests were still under way when the time to drain was over")
		return nil
	}
	return err
}
