package connectors_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
)

func TestTrace(t *testing.T) {
	if finish := connectors.StartStep(t.Context(), "search"); finish != nil {
		t.Error("a step begins where nobody listens")
	}
	if finish := connectors.StartStep(connectors.WithTrace(t.Context(), nil), "search"); finish != nil {
		t.Error("a step is reported to nobody")
	}
	var got []connectors.Step
	ctx := connectors.WithTrace(t.Context(), func(s connectors.Step) { got = append(got, s) })
	fault := errors.New("no such object")
	connectors.StartStep(ctx, "connect")(connectors.Step{Detail: "ldap:389"})
	connectors.StartStep(ctx, "search")(connectors.Step{Err: fault, Fix: "mend it"})
	if len(got) != 2 || got[0].Name != "connect" || got[0].Detail != "ldap:389" || got[0].Err != nil {
		t.Fatalf("steps %+v", got)
	}
	if s := got[1]; s.Name != "search" || !errors.Is(s.Err, fault) || s.Fix != "mend it" || s.Took <= 0 {
		t.Errorf("the second step is %+v", s)
	}
}

func TestListed(t *testing.T) {
	many := slices.Repeat([]string{"g"}, 52)
	for want, items := range map[string][]string{
		"none": nil,
		"a, b": {"a", "b"},
		strings.Repeat("g, ", 49) + "g and 2 more": many,
	} {
		if got := connectors.Listed(items); got != want {
			t.Errorf("%d items: %q, want %q", len(items), got, want)
		}
	}
}
