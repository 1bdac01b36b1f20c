package audit_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shorepass/shorepass/broker"
)

// written returns what the log makes of an entry.
func written(t *testing.T) func(e broker.Entry) []byte {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	log := open(t, path, time.Hour)
	t.Cleanup(func() { _ = log.Close() })
	read := 0
	return func(e broker.Entry) []byte {
		if err := log.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { read = len(content) }()
		return content[read:]
	}
}

// marshaled returns the line that an entry should be.
func marshaled(t *testing.T, e broker.Entry) []byte {
	t.Helper()
	line, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return append(line, '\n')
}

// TestLinesAreJSON compares each field of an entry, alone and with all others, with what
// encoding/json writes.
func TestLinesAreJSON(t *testing.T) {
	write := written(t)
	compare := func(t *testing.T, e broker.Entry) {
		t.Helper()
		if got, want := write(e), marshaled(t, e); !bytes.Equal(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	compare(t, broker.Entry{})
	var all broker.Entry
	fields := reflect.TypeFor[broker.Entry]()
	for i := range fields.NumField() {
		t.Run(fields.Field(i).Name, func(t *testing.T) {
			var alone broker.Entry
			for _, value := range valuesOf(t, fields.Field(i).Type) {
				reflect.ValueOf(&alone).Elem().Field(i).Set(value)
				reflect.ValueOf(&all).Elem().Field(i).Set(value)
				compare(t, alone)
			}
		})
	}
	compare(t, all)
}

// valuesOf are values that a field may have; the last is not the zero value.
func valuesOf(t *testing.T, field reflect.Type) []reflect.Value {
	t.Helper()
	uid := uint32(1000)
	at := time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC)
	for _, values := range [][]any{
		{"text", "new\nline \u2028 \x00 \xff <&> \"quoted\" back\\slash ü 世界"},
		{[]string{}, []string{"a"}, []string{"", "b\t", "c"}},
		{
			[]broker.Verdict{},
			[]broker.Verdict{{Scope: "repository:a/b", Action: "pull", Reason: "allowed", Rule: "\"quoted\""}, {Action: "push"}},
		},
		{0.001, 4500.0, 1234567.891},
		{true},
		{7},
		{&uid},
		{at, at.Truncate(time.Second), at.In(time.FixedZone("", 3600))},
	} {
		if reflect.TypeOf(values[0]) == field {
			list := make([]reflect.Value, len(values))
			for i := range values {
				list[i] = reflect.ValueOf(values[i])
			}
			return list
		}
	}
	t.Fatalf("an entry has a field of type %s: which values may it have?", field)
	return nil
}

func TestAnyTextIsJSON(t *testing.T) {
	write := written(t)
	rapid.Check(t, func(r *rapid.T) {
		e := broker.Entry{
			Username: rapid.String().Draw(r, "text"),
			Account:  string(rapid.SliceOf(rapid.Byte()).Draw(r, "bytes")),
			Groups:   rapid.SliceOf(rapid.String()).Draw(r, "list"),
		}
		if got, want := write(e), marshaled(t, e); !bytes.Equal(got, want) {
			r.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
