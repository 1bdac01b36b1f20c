package store

import (
	"context"
	"io/fs"

	"github.com/shorepass/shorepass/connectors/pat"
)

// Read is what a reader of a token does, in two parts: between them, others do what they do.
func (s *Store) Read(realm, id string) (takeIn func(pat.Token)) {
	key := tokenKey{realm, id}
	_, generation, _ := s.cache.get(key)
	return func(t pat.Token) { s.cache.add(key, t, generation) }
}

// Pragma is what a setting of the connection that writes is.
func (s *Store) Pragma(ctx context.Context, name string) (value int, err error) {
	err = s.open.writer.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value)
	return value, err
}

// OpenNext opens a database as a program would that has more migrations than this one.
func OpenNext(ctx context.Context, path string, migrations fs.FS, version int64, o Options) (*Store, error) {
	return open(ctx, path, schema{migrations, version}, o)
}
