package cmd

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// pruneEvery is how often the database is rid of what was kept long enough.
const pruneEvery = time.Hour

// keepHouse prunes the database now and from time to time, in the background, until the
// returned function is called.
func (d *daemon) keepHouse(prune func(context.Context) (int64, error)) (end func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			if removed, err := prune(ctx); err != nil {
				d.logger.Warn("access tokens that ended long ago were not removed; it is tried again in an hour", slog.Any("error", err))
			} else if removed > 0 {
				d.logger.Info("access tokens that ended long ago were removed", slog.Int64("tokens", removed))
			}
			select {
			case <-ctx.Done():
			case <-time.After(pruneEvery):
			}
		}
	})
	return func() error {
		cancel()
		done.Wait()
		return nil
	}
}
