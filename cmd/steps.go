package cmd

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
)

// connectorReport is what was done with one connector, step by step.
type connectorReport struct {
	Name    string        `json:"name"`
	Type    string        `json:"type"`
	Preset  *presetReport `json:"preset,omitempty"`
	Verdict string        `json:"verdict"` // see the verdicts
	Message string        `json:"message"` // the verdict in words; may be empty
	Fix     string        `json:"fix,omitempty"`
	Steps   []stepReport  `json:"steps"`
}

// The verdicts.
const (
	verdictFine      = "fine"       // it works; of a login: it vouches for the user
	verdictFailed    = "failed"     // it does not work
	verdictUnknown   = "unknown"    // it does not know the name
	verdictRejected  = "rejected"   // it refuses the login
	verdictUnhandled = "unhandled"  // it does not take such a name
	verdictNotAsked  = "not-asked"  // another one had decided
	verdictUntold    = "cannot-say" // it cannot be probed
)

// stepReport is a [connectors.Step] for printing.
type stepReport struct {
	Step   string  `json:"step"`
	Detail string  `json:"detail"`
	Millis float64 `json:"ms"`
	Error  string  `json:"error,omitempty"`
	Fix    string  `json:"fix,omitempty"`
}

func newReport(c config.Connector, verdict string) *connectorReport {
	return &connectorReport{Name: c.Name, Type: c.Type, Preset: presetOf(c), Verdict: verdict, Steps: []stepReport{}}
}

// add notes a step. It is what a trace reports to.
func (r *connectorReport) add(s connectors.Step) {
	step := stepReport{Step: s.Name, Detail: s.Detail, Fix: s.Fix, Millis: math.Round(float64(s.Took)/float64(time.Millisecond)*10) / 10}
	if s.Err != nil {
		step.Error = s.Err.Error()
	}
	r.Steps = append(r.Steps, step)
}

// failed reports whether a step has.
func (r *connectorReport) failed() bool {
	for _, s := range r.Steps {
		if s.Error != "" {
			return true
		}
	}
	return false
}

// ended reports whether the last step has failed: what came of the whole is told then.
func (r *connectorReport) ended() bool {
	return len(r.Steps) > 0 && r.Steps[len(r.Steps)-1].Error != ""
}

// unhandled is the verdict on a name that the connector does not take.
func (r *connectorReport) unhandled(usernames connectors.UsernameForm, name string) {
	r.Verdict, r.Message = verdictUnhandled, "does not take this name: it is not listed, or its usernames keep it out"
	if _, ok := usernames.Parse(name); ok {
		return
	}
	if strings.Contains(name, `\`) {
		r.Message = "does not take this name: of those with a backslash only DOMAIN\\NAME is taken, where the connector has that domain"
		return
	}
	r.Message = fmt.Sprintf("does not take this name: the realm's user names are %s", usernames)
	if _, ok := connectors.UnicodeUsernames.Parse(name); ok {
		r.Fix = "set unicode_usernames: true in the realm, for letters and digits of every script"
	}
}

// unsought says that nobody was looked for, since the connector does not work.
func (r *connectorReport) unsought(name string) {
	if r.Message == "" {
		r.Message = verdictFailed
	}
	r.Message += fmt.Sprintf(": %q was not looked for", name)
}

// takesTokens is the verdict of a connector that takes no names.
func (r *connectorReport) takesTokens() {
	r.Verdict, r.Message = verdictUnhandled, "takes access tokens alone, which count as their owners"
}

// write prints the report for people: a line for each step, what to do below those that
// failed, and what may be worth a look below others.
func (r *connectorReport) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "  connector %s (%s)\n", r.Name, r.Type)
	if r.Preset != nil {
		fmt.Fprintf(&b, "    %s\n", r.Preset)
	}
	width := 0
	for _, s := range r.Steps {
		width = max(width, len(s.Step))
	}
	for _, s := range r.Steps {
		word, advice, text := "ok", "note", s.Detail
		if s.Error != "" {
			word, advice, text = "FAIL", "fix", s.Detail+": "+s.Error
		}
		fmt.Fprintf(&b, "    %-4s  %-*s  %6.1f ms  %s\n", word, width, s.Step, s.Millis, printable(text))
		if s.Fix != "" {
			fmt.Fprintf(&b, "          %s: %s\n", advice, printable(s.Fix))
		}
	}
	if r.Message != "" {
		fmt.Fprintf(&b, "    => %s\n", printable(r.Message))
	}
	if r.Fix != "" {
		fmt.Fprintf(&b, "       fix: %s\n", printable(r.Fix))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printable leaves out what a terminal would obey or hide: a directory may have named its
// entries with it, and a server answered with it.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, text)
}

// fixOf says what may be done about a rejection, unless the last step has: it knows more
// than the reason.
func (r *connectorReport) fixOf(reason connectors.Reason) string {
	if r.ended() && r.Steps[len(r.Steps)-1].Fix != "" {
		return ""
	}
	return rejectionFix(reason)
}

// rejectionFix says what may be done about a rejection; nothing where the user is to
// type better.
func rejectionFix(reason connectors.Reason) string {
	switch reason {
	case connectors.ReasonAmbiguous:
		return "make one entry answer to the name: see username_attribute, login_attributes, filter and base_dn of users"
	case connectors.ReasonDisabled:
		return "enable the account where it is kept"
	case connectors.ReasonAccountExpired:
		return "extend the account in the directory"
	case connectors.ReasonLocked:
		return "unlock the account in the directory"
	case connectors.ReasonExpired, connectors.ReasonMustChange, connectors.ReasonGraceLogin:
		return "the user changes the password in the directory first"
	case connectors.ReasonRestricted:
		return "the directory or provider knows why: look for this login in its log"
	case connectors.ReasonBadUsername:
		return "the user name, as typed or as the directory has it, is not the form of one"
	case connectors.ReasonInteraction:
		return "the user takes the step that the provider's login page asks for; where that is a second factor, no password will do"
	case connectors.ReasonBadToken:
		return "there is no access token of this text: it was mistyped or cut off, or it is another realm's"
	case connectors.ReasonTokenExpired, connectors.ReasonTokenRevoked:
		return "make another one"
	case connectors.ReasonTokenNetwork:
		return "the token's networks say where it may be used: --from is where the client is"
	case connectors.ReasonOwnerGone:
		return "the account is to be found, and enabled, in the connector that it is of: see check --connect --user"
	case connectors.ReasonOwnerUnseen:
		return "the owner signs in once, with a password: the connector cannot look up anybody without; see max_login_age"
	case connectors.ReasonGroups:
		return "the provider says too little of the user's groups: see groups_claim and groups_required"
	}
	return ""
}
