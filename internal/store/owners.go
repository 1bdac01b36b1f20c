package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/shorepass/shorepass/connectors/pat"
)

// Owner returns what is known of an account, or fails with [pat.ErrNoOwner].
func (s *Store) Owner(ctx context.Context, realm string, a pat.Account) (pat.Owner, error) {
	return read(ctx, s, func(ctx context.Context, q queryer) (pat.Owner, error) {
		o, err := scanOwner(q.QueryRowContext(ctx, `SELECT `+ownerColumns+` FROM owners WHERE realm = ? AND connector = ? AND account = ?`, realm, a.Connector, a.ID))
		if errors.Is(err, sql.ErrNoRows) {
			err = pat.ErrNoOwner
		}
		return o, err
	})
}

// Owners returns the accounts that were last known by a user name, the one seen last
// first: a name that was given to somebody else has more than one.
func (s *Store) Owners(ctx context.Context, realm, connector, username string) ([]pat.Owner, error) {
	return read(ctx, s, func(ctx context.Context, q queryer) ([]pat.Owner, error) {
		rows, err := q.QueryContext(ctx, `SELECT `+ownerColumns+` FROM owners WHERE realm = ? AND connector = ? AND username = ? ORDER BY seen DESC, account`, realm, connector, username)
		if err != nil {
			return nil, err
		}
		return all(rows, scanOwner)
	})
}

// SaveOwners keeps what is known of accounts, in one transaction, but for those of whom
// what is there was seen later. What was seen in the future is older than all else: the
// clock was wrong.
func (s *Store) SaveOwners(ctx context.Context, list []pat.Owner) error {
	return s.write(ctx, func(ctx context.Context, q queryer) error {
		for _, o := range list {
			if err := s.saveOwner(ctx, q, o); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) saveOwner(ctx context.Context, q queryer, o pat.Owner) error {
	believed := s.options.Now().Add(pat.ClockStep).Unix()
	_, err := q.ExecContext(ctx, `INSERT INTO owners (`+ownerColumns+`) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
		ON CONFLICT DO UPDATE SET username = excluded.username, "groups" = excluded."groups", seen = excluded.seen, gone = excluded.gone
		WHERE owners.seen > ?8 OR excluded.seen BETWEEN owners.seen AND ?8`,
		o.Realm, o.Account.Connector, o.Account.ID, o.Username, list(o.Groups), o.Seen.Unix(), o.Gone, believed)
	return err
}
