package policy

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Explanation is who may do what, and why: for people ([Explanation.WriteText]) and,
// through encoding/json, for programs. No list of it is ever null in JSON.
type Explanation struct {
	Subject   ExplainedSubject    `json:"subject"`
	Decisions []ExplainedDecision `json:"decisions"`
	Access    []Access            `json:"access"` // as the token carries it
	Warnings  []string            `json:"-"`
}

// ExplainedSubject is a [Subject] in words.
type ExplainedSubject struct {
	User    string   `json:"user"` // connector:username; empty: not signed in
	Groups  []string `json:"groups"`
	Service string   `json:"service"`          // empty: not known
	From    string   `json:"from"`             // the client's address; empty: not known
	Ceiling []string `json:"ceiling,omitzero"` // the scopes of the login's ceiling; nil: unlimited
}

// ExplainedDecision is an [Outcome] in words.
type ExplainedDecision struct {
	Scope   string  `json:"scope"` // type:name
	Action  string  `json:"action"`
	Granted bool    `json:"granted"`
	Reason  Reason  `json:"reason"`
	Rule    *string `json:"rule"` // nil for [NoRule]
}

// Explain puts a decision about a subject into words.
func Explain(s Subject, d Decision) Explanation {
	e := Explanation{
		Subject:   ExplainedSubject{User: s.User, Groups: append([]string{}, s.Groups...), Service: s.Service, Ceiling: s.Ceiling.Scopes()},
		Decisions: make([]ExplainedDecision, len(d.Outcomes)),
		Access:    append([]Access{}, d.Access...),
		Warnings:  d.Warnings,
	}
	if s.Addr.IsValid() {
		e.Subject.From = s.Addr.Unmap().WithZone("").String()
	}
	for i, o := range d.Outcomes {
		e.Decisions[i] = ExplainedDecision{Scope: o.Type + ":" + o.Name, Action: o.Action, Granted: o.Granted, Reason: o.Reason}
		if o.Reason != NoRule {
			e.Decisions[i].Rule = &o.Rule
		}
	}
	return e
}

// Refused reports whether anything that was asked is refused.
func (e Explanation) Refused() bool {
	for _, d := range e.Decisions {
		if !d.Granted {
			return true
		}
	}
	return false
}

// WriteText writes the explanation for people, a line for each asked action. Its
// error is that of w.
func (e Explanation) WriteText(w io.Writer) error {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(cells ...string) { _, _ = fmt.Fprintln(t, strings.Join(cells, "\t")) }
	line("who", orElse(printable(e.Subject.User), "anonymous"))
	line("groups", orElse(strings.Join(printables(e.Subject.Groups), ", "), "none"))
	line("service", orElse(printable(e.Subject.Service), "not known"))
	line("from", orElse(e.Subject.From, "not known"))
	if e.Subject.Ceiling != nil {
		line("ceiling", orElse(strings.Join(printables(e.Subject.Ceiling), " "), "nothing"))
	}
	_ = t.Flush()
	if len(e.Decisions) > 0 {
		b.WriteByte('\n')
	}
	for _, d := range e.Decisions {
		line(d.verdict(), printable(d.Scope), printable(d.Action), d.why())
	}
	_ = t.Flush()
	for _, warning := range e.Warnings {
		b.WriteString("\nwarning: " + warning)
	}
	if len(e.Warnings) > 0 {
		b.WriteByte('\n')
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (d ExplainedDecision) verdict() string {
	if d.Granted {
		return "granted"
	}
	return "refused"
}

// why says what decided, and by which rule.
func (d ExplainedDecision) why() string {
	if d.Rule == nil {
		return "no rule allows it"
	}
	rule := strconv.Quote(*d.Rule)
	switch d.Reason {
	case Allowed:
		return "allowed by rule " + rule
	case Denied:
		return "denied by rule " + rule
	}
	return "allowed by rule " + rule + ", but above the ceiling of this login"
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// printable returns a text as it is where that is safe on a terminal, else quoted.
func printable(text string) string {
	if strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) || c == unicode.ReplacementChar }) {
		return strconv.Quote(text)
	}
	return text
}

func printables(texts []string) []string {
	printed := make([]string, len(texts))
	for i, text := range texts {
		printed[i] = orElse(printable(text), `""`)
	}
	return printed
}
