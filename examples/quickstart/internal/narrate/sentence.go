package narrate

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// entry is what the narration reads of an audit line.
type entry struct {
	Time      time.Time `json:"time"`
	ClientIP  string    `json:"client_ip"`
	UserAgent string    `json:"user_agent"`
	Username  string    `json:"username"`
	Kind      string    `json:"kind"`
	Subject   string    `json:"subject"`
	Groups    []string  `json:"groups"`
	Dropped   []string  `json:"dropped"`
	Granted   []verdict `json:"granted"`
	Refused   []verdict `json:"refused"`
	Outcome   string    `json:"outcome"`
	Reason    string    `json:"reason"`
	Cause     string    `json:"cause"`
	Act       string    `json:"act"`
}

// verdict is one asked action and why it was granted or refused.
type verdict struct {
	Scope  string `json:"scope"`
	Action string `json:"action"`
	Reason string `json:"reason"`
	Rule   string `json:"rule"`
}

// Sentence describes one audit line, with times as the zone has them: a line about
// who it was, and one for each verdict.
func Sentence(auditLine []byte, zone *time.Location) (string, error) {
	var e entry
	if err := json.Unmarshal(auditLine, &e); err != nil {
		return "", fmt.Errorf("the audit file: %w", err)
	}
	lines := []string{fmt.Sprintf("%s  %s", e.Time.In(zone).Format(time.TimeOnly), e.who())}
	lines = append(lines, explain("granted", e.Granted)...)
	lines = append(lines, explain("refused", e.Refused)...)
	for _, scope := range e.Dropped {
		lines = append(lines, fmt.Sprintf("ignored  %q (not a scope)", scope))
	}
	if end := e.end(); end != "" {
		lines = append(lines, end)
	}
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n          ") + "\n", nil
}

// who says who asked, from where, and with what program.
func (e entry) who() string {
	who := "anonymous"
	switch {
	case e.Kind == "administrator":
		return "administrator: " + e.Act
	case e.Subject != "" && len(e.Groups) > 0:
		who = fmt.Sprintf("%s (%s)", e.Subject, strings.Join(e.Groups, ", "))
	case e.Subject != "":
		who = e.Subject + " (no groups)"
	case e.Kind == "":
		who = fmt.Sprintf("somebody as %q", e.Username)
	}
	if e.ClientIP != "" {
		who += " from " + e.ClientIP
	}
	if program, _, _ := strings.Cut(e.UserAgent, " "); program != "" {
		who += " with " + program
	}
	return who
}

// end says what became of the attempt where the verdicts do not.
func (e entry) end() string {
	switch e.Outcome {
	case "unauthenticated":
		if e.Reason == "no-credentials" {
			return "answered 401: log in first"
		}
		return "answered 401: login refused (" + e.Reason + ")"
	case "malformed":
		return "answered 400: " + e.Reason
	case "throttled":
		return "answered 429: " + e.Reason
	case "unavailable":
		if e.Reason == "client-gone" {
			return "not answered: the client hung up"
		}
		return "answered 503: " + e.Reason
	case "internal":
		return "answered 500: " + e.Reason
	case "forbidden", "not-found", "conflict":
		return e.refusedAct()
	}
	switch {
	case e.Kind == "administrator" || len(e.Granted)+len(e.Refused)+len(e.Dropped) > 0:
		return ""
	case e.Subject == "":
		return "given a token for nothing: nothing was asked"
	}
	return "login accepted"
}

// refusedAct says why an act changed nothing.
func (e entry) refusedAct() string {
	if e.Cause == "" {
		return "refused: " + e.Reason
	}
	return "refused: " + e.Reason + ": " + e.Cause
}

// explain joins the actions that share a scope and a reason, in their order.
func explain(word string, verdicts []verdict) []string {
	var order []verdict
	actions := make(map[verdict][]string)
	for _, v := range verdicts {
		key := v
		key.Action = ""
		if actions[key] == nil {
			order = append(order, key)
		}
		actions[key] = append(actions[key], v.Action)
	}
	lines := make([]string, len(order))
	for i, v := range order {
		name := strings.TrimPrefix(v.Scope, "repository:")
		lines[i] = fmt.Sprintf("%s  %s: %s (%s)", word, name, strings.Join(actions[v], ", "), v.why())
	}
	return lines
}

// why says what decided.
func (v verdict) why() string {
	switch v.Reason {
	case "allowed":
		return fmt.Sprintf("rule %q", v.Rule)
	case "denied":
		return fmt.Sprintf("rule %q denies it", v.Rule)
	case "no-rule":
		return "no rule allows it"
	}
	return v.Reason
}

// printable keeps what a client sent from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
