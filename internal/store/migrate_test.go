package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/store"
)

// released is testdata/released.txt: the checksum of each migration that was released. One
// that is changed afterwards would leave the databases out there as they are.
const released = "testdata/released.txt"

func TestReleasedMigrationsStay(t *testing.T) {
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) != store.Version {
		t.Fatalf("%d migrations, and the version is %d (%v)", len(files), store.Version, err)
	}
	var sums strings.Builder
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		fmt.Fprintf(&sums, "%s  %s\n", hex.EncodeToString(sum[:]), filepath.Base(name))
	}
	want, err := os.ReadFile(released)
	if err != nil {
		t.Fatal(err)
	}
	if sums.String() != string(want) {
		t.Errorf("the migrations are\n%sand %s has\n%sA released migration is never changed: add another one, its line, and testdata/schema/NUMBER.sql", &sums, released, want)
	}
}

// A database of each released schema is brought up to date with all that is in it.
// testdata/schema has one for each, as "sqlite3 FILE .dump" writes them.
func TestMigratesFromEveryRelease(t *testing.T) {
	fixtures, err := filepath.Glob("testdata/schema/*.sql")
	if err != nil || len(fixtures) != store.Version {
		t.Fatalf("%d fixtures for %d schemas: add testdata/schema/%04d.sql (%v)", len(fixtures), store.Version, store.Version, err)
	}
	for i, name := range fixtures {
		t.Run(filepath.Base(name), func(t *testing.T) {
			if want := fmt.Sprintf("%04d.sql", i+1); filepath.Base(name) != want {
				t.Fatalf("want %s", want)
			}
			path := load(t, name)
			for range 2 { // and once it is
				s := openAt(t, path)
				wantFixture(t, s)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			// What is made anew has the same schema.
			fresh := filepath.Join(t.TempDir(), store.FileName)
			if err := openAt(t, fresh).Close(); err != nil {
				t.Fatal(err)
			}
			if got, want := schema(t, path), schema(t, fresh); got != want {
				t.Errorf("the schema is\n%s\nand one that is made anew\n%s", got, want)
			}
		})
	}
}

// next has the migrations of a later program: one more, for what is made of a token's name.
func next(t *testing.T, migration string) fs.FS {
	t.Helper()
	all := fstest.MapFS{"migrations/0002_next.sql": {Data: []byte(migration)}}
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v: there are real ones now: load their fixtures instead", files, err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = &fstest.MapFile{Data: content}
	}
	return all
}

// A later program brings a database with rows up to date, all or nothing, and says so; this
// one leaves it alone from then on.
func TestMigratesRows(t *testing.T) {
	path := load(t, "testdata/schema/0001.sql")
	var log bytes.Buffer
	o := store.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	broken := next(t, "-- +goose Up\nUPDATE tokens SET name = 'lost';\nINSERT INTO nowhere VALUES (1);")
	if s, err := store.OpenNext(t.Context(), path, broken, 2, o); err == nil {
		t.Error("with a migration that fails: opened")
	} else if s != nil {
		_ = s.Close()
	}
	s := openAt(t, path)
	wantFixture(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	later := next(t, "-- +goose Up\nALTER TABLE tokens ADD COLUMN note TEXT NOT NULL DEFAULT '';\nUPDATE tokens SET note = 'was ' || name;")
	for range 2 { // and once it is up to date
		s, err := store.OpenNext(t.Context(), path, later, 2, o)
		if err != nil {
			t.Fatal(err)
		}
		wantFixture(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "the database was brought up to date"); n != 1 {
		t.Errorf("it was said %d times: %s", n, &log)
	}
	c, leave := other(t, path)
	var notes string
	if err := c.QueryRowContext(t.Context(), "SELECT group_concat(note ORDER BY note) FROM tokens").Scan(&notes); err != nil || notes != "was everything,was least" {
		t.Errorf("%q, %v", notes, err)
	}
	leave()
	_, err := store.Open(t.Context(), path, o)
	wantKind(t, "the older program", err, store.Foreign, path)
}

// A page of a realm's tokens is read in its order, and not sorted, however many there are.
func TestPagesAreNotSorted(t *testing.T) {
	path := filepath.Join(t.TempDir(), store.FileName)
	openAt(t, path)
	c, leave := other(t, path)
	defer leave()
	rows, err := c.QueryContext(t.Context(), `EXPLAIN QUERY PLAN SELECT * FROM tokens WHERE realm = 'corp' AND created <= 1 AND (created < 1 OR id > 'x') ORDER BY created DESC, id LIMIT 100`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "\n")
	}
	if err := rows.Err(); err != nil || strings.Contains(plan.String(), "TEMP B-TREE") || !strings.Contains(plan.String(), "tokens_by_created (realm=? AND created<?)") {
		t.Errorf("%s%v", &plan, err)
	}
}

// load makes a database of a dump.
func load(t *testing.T, dump string) (path string) {
	t.Helper()
	text, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), store.FileName)
	write(t, path, nil)
	c, leave := other(t, path)
	exec(t, c, string(text))
	leave()
	return path
}

// wantFixture wants the rows of the fixtures.
func wantFixture(t *testing.T, s *store.Store) {
	t.Helper()
	tokens, err := s.Tokens(t.Context(), pat.Filter{Realm: "corp"})
	if err != nil || len(tokens) != 2 {
		t.Fatalf("%d tokens, %v", len(tokens), err)
	}
	want := full()
	want.ID, want.Hash = "0123456789ab", sha256.Sum256([]byte("a token's text"))
	if !reflect.DeepEqual(tokens[0], want) {
		t.Errorf("%+v\nwant\n%+v", tokens[0], want)
	}
	least := tokens[1]
	if least.ID != "ABCDEFGHIJKL" || !least.Revoked.IsZero() || !least.LastUsed.IsZero() || least.LastUsedFrom.IsValid() || len(least.Networks)+len(least.Groups) > 0 {
		t.Errorf("%+v", least)
	}
	if o, err := s.Owner(t.Context(), "corp", alice); err != nil || !reflect.DeepEqual(o, owner()) {
		t.Errorf("%+v, %v", o, err)
	}
}

// schema is all that makes the tables.
func schema(t *testing.T, path string) string {
	t.Helper()
	c, leave := other(t, path)
	defer leave()
	var text string
	err := c.QueryRowContext(t.Context(), `SELECT group_concat(sql, ';' || char(10)) FROM (SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name)`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A database that a newer program has worked on is left alone.
func TestNewerDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), store.FileName)
	if err := openAt(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	c, leave := other(t, path)
	exec(t, c, fmt.Sprintf("INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, 1)", store.Version+1))
	leave()
	s, err := store.Open(t.Context(), path, store.Options{})
	wantKind(t, "Open", err, store.Foreign, path)
	if s != nil {
		t.Error("there is a store")
	}
	if want := fmt.Sprintf("its schema is %d, and this program knows those up to %d", store.Version+1, store.Version); !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("%v", err)
	}
	look, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer look.Close()
	_, err = look.Token(t.Context(), "corp", "0123456789ab")
	wantKind(t, "looking", err, store.Foreign, path)
	if errors.Is(err, pat.ErrNoToken) {
		t.Error("taken for no token")
	}
}
