package ldap

import (
	"context"
	"fmt"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// takeTurn waits for the turn to bind as the service account. Whose turn comes when another's
// bind was not answered has waited for the same answer; who has waited in vain, or for too
// long, knows nothing of the server.
func (to *server) takeTurn(ctx context.Context) error {
	select {
	case to.turn <- struct{}{}:
		return nil
	default:
	}
	const waiting = "waiting for another bind as the service account"
	began := time.Now()
	select {
	case to.turn <- struct{}{}:
	case <-ctx.Done():
		return tooLate(ctx, waiting)
	}
	connectors.Waited(ctx, began)
	var err error
	switch {
	case to.silent.After(began):
		err = fmt.Errorf("signing in as the service account: %w", errNoAnswer)
	case !worthwhile(ctx):
		err = tooLate(ctx, waiting)
	}
	if err != nil {
		<-to.turn
	}
	return err
}
