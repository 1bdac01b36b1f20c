package guard_test

import (
	"context"
	"errors"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
)

// probed is a directory that can be probed.
type probed struct{ listing }

var errProbed = errors.New("wrong base_dn")

func (p *probed) Probe(context.Context) error { return errProbed }

func TestProbe(t *testing.T) {
	for name, c := range map[string]struct {
		directory connectors.Directory
		want      error
	}{
		"can be probed": {&probed{}, errProbed},
		"cannot":        {&book{}, errors.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			prober, ok := guard.Password(c.directory, guard.Config{}).(connectors.Prober)
			if !ok {
				t.Fatal("the connector is no Prober")
			}
			if err := prober.Probe(t.Context()); !errors.Is(err, c.want) {
				t.Errorf("error = %v, want %v", err, c.want)
			}
		})
	}
}

// seeking is a directory that looks for people it does not know.
type seeking struct {
	listing
	sought string
}

func (s *seeking) Diagnose(_ context.Context, username string) { s.sought = username }

func TestDiagnose(t *testing.T) {
	for typed, want := range map[string]string{"Zoe": "zoe", "a b": ""} {
		t.Run(typed, func(t *testing.T) {
			d := &seeking{}
			diagnoser, ok := guard.Password(d, guard.Config{}).(connectors.Diagnoser)
			if !ok {
				t.Fatal("the connector is no Diagnoser")
			}
			if diagnoser.Diagnose(t.Context(), typed); d.sought != want {
				t.Errorf("looks for %q, want %q", d.sought, want)
			}
		})
	}
}

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		directory connectors.Directory
		username  string
		want      error
	}{
		"known":                      {&listing{}, "Alice", nil},
		"not listed":                 {&listing{}, "zoe", connectors.ErrNotMine},
		"not the form of a name":     {&listing{}, "a b", connectors.ErrNotMine},
		"nobody without a password":  {&book{}, "alice", errors.ErrUnsupported},
		"unknown to such a one, too": {&book{}, "zoe", errors.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			finder, ok := guard.Password(c.directory, guard.Config{}).(connectors.Finder)
			if !ok {
				t.Fatal("the connector is no Finder")
			}
			id, err := finder.Find(t.Context(), c.username)
			if !errors.Is(err, c.want) || err == nil && id.ID != "7" {
				t.Errorf("Find = %q, %v, want %v", id.ID, err, c.want)
			}
		})
	}
}
