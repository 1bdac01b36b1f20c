package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
)

// Create keeps a new token, and what is known of its owner, in one transaction. Of two
// states of the owner, the one seen later stays; a zero owner leaves it alone. It fails
// with [pat.ErrNameTaken] where another token of the account has the name and still
// counts, with [pat.ErrNoOwner] where the owner is zero and not known, and with
// [pat.ErrTooMany] and [pat.ErrTooFast] where there are as many as may be.
func (s *Store) Create(ctx context.Context, t pat.Token, o pat.Owner, most pat.Limits) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := detached(ctx) // of all of it
	defer cancel()
	err := s.write(ctx, func(ctx context.Context, q queryer) error {
		if o.Account != (pat.Account{}) {
			if err := s.saveOwner(ctx, q, o); err != nil {
				return err
			}
		}
		if err := checkNew(ctx, q, t, most); err != nil {
			return err
		}
		_, err := q.ExecContext(ctx, `INSERT INTO tokens (`+tokenColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			t.Realm, t.ID, t.Hash[:], t.Account.Connector, t.Account.ID, t.Name, list(t.Scopes), list(t.Networks), t.GroupsFixed, list(t.Groups),
			t.Created.Unix(), t.CreatedBy, t.Expires.Unix(), optionalSeconds(t.Revoked), t.RevokedBy, optionalSeconds(t.LastUsed), textOf(t.LastUsedFrom))
		return err
	})
	if err == nil {
		// The log has it, which is enough: this is for the case that the log is lost, and waits
		// for nobody.
		_, _ = s.moveLog(ctx)
	}
	return err
}

// checkNew fails where the account is not known, has as many tokens as may be, or one of
// the name.
func checkNew(ctx context.Context, q queryer, t pat.Token, most pat.Limits) error {
	var known, taken bool
	var live, day int
	err := q.QueryRowContext(ctx, `SELECT
		EXISTS (SELECT 1 FROM owners WHERE realm = ?1 AND connector = ?2 AND account = ?3),
		count(*) FILTER (WHERE name = ?4 AND revoked IS NULL AND expires > ?5) > 0,
		count(*) FILTER (WHERE revoked IS NULL AND expires > ?5),
		count(*) FILTER (WHERE created > ?5 - 86400)
		FROM tokens WHERE realm = ?1 AND connector = ?2 AND account = ?3`,
		t.Realm, t.Account.Connector, t.Account.ID, t.Name, t.Created.Unix()).Scan(&known, &taken, &live, &day)
	switch {
	case err != nil:
		return err
	case !known:
		return pat.ErrNoOwner
	case most.Live > 0 && live >= most.Live:
		return pat.ErrTooMany
	case most.Day > 0 && day >= most.Day:
		return pat.ErrTooFast
	case taken:
		return pat.ErrNameTaken
	}
	return nil
}

// Token returns a token by its public id, or fails with [pat.ErrNoToken]. It may come from
// the cache: then its last use may be older than what was recorded. Its lists are shared,
// and must not be changed.
func (s *Store) Token(ctx context.Context, realm, id string) (pat.Token, error) {
	key := tokenKey{realm, id}
	t, generation, ok := s.cache.get(key)
	if ok {
		return t, nil
	}
	t, err := read(ctx, s, func(ctx context.Context, q queryer) (pat.Token, error) {
		t, err := scanToken(q.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens WHERE realm = ? AND id = ?`, realm, id))
		if errors.Is(err, sql.ErrNoRows) {
			err = pat.ErrNoToken
		}
		return t, err
	})
	if err != nil {
		return pat.Token{}, err
	}
	s.cache.add(key, t, generation)
	return t, nil
}

// Tokens returns the tokens that are meant, in the order that [pat.Filter] says.
func (s *Store) Tokens(ctx context.Context, f pat.Filter) ([]pat.Token, error) {
	query, args := s.choose(f)
	return read(ctx, s, func(ctx context.Context, q queryer) ([]pat.Token, error) {
		rows, err := q.QueryContext(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		return all(rows, scanToken)
	})
}

// choose returns the query of a filter.
func (s *Store) choose(f pat.Filter) (query string, args []any) {
	query = `SELECT ` + tokenColumns + ` FROM tokens WHERE realm = ?`
	args = []any{f.Realm}
	if f.ID != "" {
		query, args = query+` AND id = ?`, append(args, f.ID)
	}
	if f.Accounts != nil {
		of := make([]string, len(f.Accounts))
		for i, a := range f.Accounts {
			of[i], args = `connector = ? AND account = ?`, append(args, a.Connector, a.ID)
		}
		query += ` AND (` + cmp.Or(strings.Join(of, ` OR `), `FALSE`) + `)`
	}
	if f.Live {
		query, args = query+` AND revoked IS NULL AND expires > ?`, append(args, s.options.Now().Unix())
	}
	if f.After != (pat.Place{}) {
		created := f.After.Created.Unix()
		// The first of these is for the index: where to begin.
		query, args = query+` AND created <= ? AND (created < ? OR id > ?)`, append(args, created, created, f.After.ID)
	}
	query += ` ORDER BY created DESC, id`
	if f.Limit > 0 {
		query, args = query+` LIMIT ?`, append(args, f.Limit)
	}
	return query, args
}

// Revoke takes tokens back and returns those that were not revoked before; ids that there
// are not are passed over. by is kept as [pat.Token] says. When it returns, no use of these
// tokens finds them in the cache, and the revocation is in the database's own file, as is
// every one before, though no id be given. Where that last step fails, it fails with
// [pat.ErrUnsettled], and the tokens are returned: they are revoked. It is then tried again
// in the background.
func (s *Store) Revoke(ctx context.Context, realm string, ids []string, at time.Time, by string) (revoked []pat.Token, err error) {
	defer s.cache.empty() // whatever happens: a commit that failed may have happened
	err = s.write(ctx, func(ctx context.Context, q queryer) error {
		for _, id := range ids {
			t, err := scanToken(q.QueryRowContext(ctx, `UPDATE tokens SET revoked = ?, revoked_by = ?
				WHERE realm = ? AND id = ? AND revoked IS NULL RETURNING `+tokenColumns, at.Unix(), by, realm, id))
			switch {
			case err == nil:
				revoked = append(revoked, t)
			case !errors.Is(err, sql.ErrNoRows):
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.cache.empty() // it counts from here on, however long the rest takes
	if err := s.checkpoint(ctx); err != nil {
		s.settle()
		return revoked, fmt.Errorf("%w: %w", pat.ErrUnsettled, err)
	}
	return revoked, nil
}

// RecordUses keeps the last use of each token, in one transaction. An older use than what
// is there changes nothing, unless that is in the future.
func (s *Store) RecordUses(ctx context.Context, uses []pat.Use) error {
	if len(uses) == 0 {
		return nil
	}
	believed := s.options.Now().Add(pat.ClockStep).Unix()
	return s.write(ctx, func(ctx context.Context, q queryer) error {
		for _, u := range uses {
			if _, err := q.ExecContext(ctx, `UPDATE tokens SET last_used = ?1, last_used_from = ?2
				WHERE realm = ?3 AND id = ?4 AND (last_used IS NULL OR last_used <= ?1 OR last_used > ?5)`,
				u.At.Unix(), textOf(u.From), u.Realm, u.ID, believed); err != nil {
				return err
			}
		}
		return nil
	})
}

// HasTokens reports whether the account has tokens that still count.
func (s *Store) HasTokens(ctx context.Context, realm string, a pat.Account) (bool, error) {
	return read(ctx, s, func(ctx context.Context, q queryer) (has bool, err error) {
		err = q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM tokens WHERE realm = ? AND connector = ? AND account = ? AND revoked IS NULL AND expires > ?)`,
			realm, a.Connector, a.ID, s.options.Now().Unix()).Scan(&has)
		return has, err
	})
}
