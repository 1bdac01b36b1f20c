package store

import (
	"context"
	"time"
)

// Kept is how long a token stays in the database after it was revoked or has expired, for
// those who look back; and an owner without tokens after it was last seen.
const Kept = 90 * 24 * time.Hour

// Prune removes what has been kept long enough, and returns how many tokens that were.
func (s *Store) Prune(ctx context.Context) (tokens int64, err error) {
	before := s.options.Now().Add(-Kept).Unix()
	err = s.write(ctx, func(ctx context.Context, q queryer) error {
		result, err := q.ExecContext(ctx, `DELETE FROM tokens WHERE expires < ?1 OR revoked < ?1`, before)
		if err != nil {
			return err
		}
		if tokens, err = result.RowsAffected(); err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, `DELETE FROM owners WHERE seen < ? AND NOT EXISTS (SELECT 1 FROM tokens t
			WHERE t.realm = owners.realm AND t.connector = owners.connector AND t.account = owners.account)`, before)
		return err
	})
	return tokens, err
}
