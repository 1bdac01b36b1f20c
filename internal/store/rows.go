package store

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/shorepass/shorepass/connectors/pat"
)

// tokenColumns are those that scanToken reads.
const tokenColumns = `realm, id, hash, connector, account, name, scopes, networks, groups_fixed, "groups",
	created, created_by, expires, revoked, revoked_by, last_used, last_used_from`

// ownerColumns are those that scanOwner reads.
const ownerColumns = `realm, connector, account, username, "groups", seen, gone`

// scanner is a row.
type scanner interface{ Scan(into ...any) error }

// scanToken reads a token. One that cannot be read whole is none: half a ceiling might
// be a wider one.
func scanToken(row scanner) (pat.Token, error) {
	var t pat.Token
	var hash []byte
	var scopes, networks, groups, from string
	var created, expires int64
	var revoked, used sql.NullInt64
	err := row.Scan(&t.Realm, &t.ID, &hash, &t.Account.Connector, &t.Account.ID, &t.Name, &scopes, &networks, &t.GroupsFixed, &groups,
		&created, &t.CreatedBy, &expires, &revoked, &t.RevokedBy, &used, &from)
	if err != nil {
		return pat.Token{}, err
	}
	t.Created, t.Expires, t.Revoked, t.LastUsed = timeOf(created), timeOf(expires), optionalTime(revoked), optionalTime(used)
	if copy(t.Hash[:], hash); len(hash) != sha256.Size {
		return pat.Token{}, fmt.Errorf("%w: the hash of token %s has %d bytes", errRow, t.ID, len(hash))
	}
	err = errors.Join(unlist("scopes", scopes, &t.Scopes), unlist("networks", networks, &t.Networks), unlist("groups", groups, &t.Groups))
	if err != nil {
		return pat.Token{}, fmt.Errorf("%w: token %s: %w", errRow, t.ID, err)
	}
	if from != "" {
		if t.LastUsedFrom, err = netip.ParseAddr(from); err != nil {
			return pat.Token{}, fmt.Errorf("%w: token %s: %w", errRow, t.ID, err)
		}
	}
	return t, nil
}

func scanOwner(row scanner) (pat.Owner, error) {
	var o pat.Owner
	var groups string
	var seen int64
	if err := row.Scan(&o.Realm, &o.Account.Connector, &o.Account.ID, &o.Username, &groups, &seen, &o.Gone); err != nil {
		return pat.Owner{}, err
	}
	o.Seen = timeOf(seen)
	if err := unlist("groups", groups, &o.Groups); err != nil {
		return pat.Owner{}, fmt.Errorf("%w: owner %s:%s: %w", errRow, o.Account.Connector, o.Username, err)
	}
	return o, nil
}

// all reads all rows.
func all[T any](rows *sql.Rows, scan func(scanner) (T, error)) ([]T, error) {
	defer func() { _ = rows.Close() }() // what it would say, Err says
	var list []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, rows.Err()
}

// list is a list as JSON; a missing one is empty.
func list[T any](items []T) string {
	if items == nil {
		items = []T{}
	}
	text, _ := json.Marshal(items) // texts: cannot fail
	return string(text)
}

// unlist reads a list that list wrote. Whatever else is there is no empty list: one of
// networks lets a token in from everywhere.
func unlist[T any](column, text string, into *[]T) error {
	err := json.Unmarshal([]byte(text), into)
	if err == nil && *into == nil {
		err = errors.New("no list")
	}
	if err != nil {
		return fmt.Errorf("its %s: %w", column, err)
	}
	return nil
}

func timeOf(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

func optionalTime(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return timeOf(n.Int64)
}

func optionalSeconds(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.Unix(), Valid: !t.IsZero()}
}

// textOf is empty for an address that is not known.
func textOf(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
