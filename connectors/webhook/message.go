package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shorepass/shorepass/connectors"
)

// version is that of the protocol, which every question names.
const version = 1

// The actions of a question.
const (
	actionLocate  = "locate"  // whose is this user name?
	actionVerify  = "verify"  // is this the password?
	actionResolve = "resolve" // who has this id now?
	actionProbe   = "probe"   // what do you answer?
)

// The results of an answer.
const (
	resultAccount     = "account"     // the account with the user name
	resultIdentity    = "identity"    // who somebody is
	resultNotMine     = "not-mine"    // no such user here
	resultRejected    = "rejected"    // this user may not sign in, or not by this password
	resultGone        = "gone"        // nobody has this id any more, or may sign in
	resultReady       = "ready"       // to a probe: people could sign in
	resultUnavailable = "unavailable" // it cannot be told just now
	resultUnsupported = "unsupported" // the endpoint does not know the action
)

// The bounds of an answer.
const (
	maxGroups = 5000 // of one person
	maxText   = 256  // bytes of an id and of a group's name
)

// question is what the endpoint is asked.
type question struct {
	Version   int    `json:"version"`
	Action    string `json:"action"`
	Realm     string `json:"realm"`
	Connector string `json:"connector"`
	ID        string `json:"id,omitempty"`       // locate: none
	Username  string `json:"username,omitempty"` // resolve: none
	Password  string `json:"password,omitempty"` // verify alone
}

// answer is what it says.
type answer struct {
	Result   string            `json:"result"`
	ID       string            `json:"id"`
	Username string            `json:"username"`
	Groups   []string          `json:"groups"`
	Reason   connectors.Reason `json:"reason"`
	Actions  []string          `json:"actions"`
}

// fields are those of an answer with a result, which has all of them and no other; nil
// where there is no such result.
func fields(result string) []string {
	switch result {
	case resultAccount:
		return []string{"result", "id", "username"}
	case resultIdentity:
		return []string{"result", "id", "username", "groups"}
	case resultRejected:
		return []string{"result", "reason"}
	case resultReady:
		return []string{"result", "actions"}
	case resultNotMine, resultGone, resultUnavailable, resultUnsupported:
		return []string{"result"}
	}
	return nil
}

// results are those that an answer to an action may have. locates says that the endpoint
// knows the action locate.
func results(action string, locates bool) []string {
	all := []string{resultUnavailable, resultUnsupported}
	switch action {
	case actionLocate:
		all = append(all, resultAccount, resultNotMine, resultRejected)
	case actionVerify:
		all = append(all, resultIdentity, resultRejected)
		if !locates {
			all = append(all, resultNotMine)
		}
	case actionResolve:
		all = append(all, resultIdentity, resultGone)
	case actionProbe:
		all = append(all, resultReady)
	}
	return all
}

// reasons are those that an endpoint may give; the others are of what never reaches it.
func reasons() []connectors.Reason {
	return []connectors.Reason{
		connectors.ReasonUnknown, connectors.ReasonWrongPassword, connectors.ReasonAmbiguous, connectors.ReasonDisabled,
		connectors.ReasonRestricted, connectors.ReasonLocked, connectors.ReasonExpired, connectors.ReasonMustChange,
		connectors.ReasonGraceLogin, connectors.ReasonInteraction, connectors.ReasonGroups,
	}
}

// decode reads an answer. Its errors show nothing of it, since an answer may repeat what
// was asked.
func decode(body []byte) (answer, error) {
	members, err := object(body)
	if err != nil {
		return answer{}, err
	}
	var a answer
	if err := text(members["result"], &a.Result); err != nil {
		return answer{}, fmt.Errorf("result %w", err)
	}
	want := fields(a.Result)
	switch {
	case want == nil:
		return answer{}, errors.New("result is none of those that there are")
	case slices.ContainsFunc(want, func(name string) bool { return members[name] == nil }):
		return answer{}, fmt.Errorf("an answer with the result %s has the fields %s, and one of them is missing", a.Result, connectors.Listed(want))
	case len(members) > len(want):
		return answer{}, fmt.Errorf("an answer with the result %s has no other fields than %s", a.Result, connectors.Listed(want))
	}
	return a, a.read(members)
}

// read fills in the fields of an answer that has all of its own.
func (a *answer) read(members map[string]json.RawMessage) error {
	for name, into := range map[string]func(json.RawMessage) error{
		"id":       func(raw json.RawMessage) error { return text(raw, &a.ID) },
		"username": func(raw json.RawMessage) error { return text(raw, &a.Username) },
		"reason":   func(raw json.RawMessage) error { return text(raw, (*string)(&a.Reason)) },
		"groups":   func(raw json.RawMessage) error { return groups(raw, &a.Groups) },
		"actions":  func(raw json.RawMessage) error { return list(raw, &a.Actions) },
	} {
		raw, found := members[name]
		if !found {
			continue
		}
		if err := into(raw); err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
	}
	if a.Result == resultRejected && !slices.Contains(reasons(), a.Reason) {
		a.Reason = connectors.ReasonRestricted // one that this version does not know
	}
	return nil
}

// object returns the members of the one JSON object that the body is. encoding/json would
// take the last of two members of a name, names in any case, and what is not UTF-8 for
// something else.
func object(body []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("it is not UTF-8")
	}
	errShape := errors.New("it is not one JSON object")
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, errShape
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		var raw json.RawMessage
		token, err := d.Token()
		if err != nil || d.Decode(&raw) != nil {
			return nil, errShape
		}
		name, _ := token.(string) // nothing else can stand there
		if _, found := members[name]; found {
			return nil, errors.New("it has a field twice")
		}
		members[name] = raw
	}
	if _, err := d.Token(); err != nil {
		return nil, errShape
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errShape
	}
	return members, nil
}

// text reads a text of one line.
func text(raw json.RawMessage, into *string) error {
	if raw == nil {
		return errors.New("is missing")
	}
	var value *string
	if err := json.Unmarshal(raw, &value); err != nil || value == nil {
		return errors.New("is not a text")
	}
	if !isText(*value) {
		return fmt.Errorf("is not a text of 1 to %d bytes that can be printed", maxText)
	}
	*into = *value
	return nil
}

// list reads a list of texts.
func list(raw json.RawMessage, into *[]string) error {
	var values []json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil || values == nil {
		return errors.New("is not a list")
	}
	if len(values) > maxGroups {
		return fmt.Errorf("has more than %d items", maxGroups)
	}
	items := make([]string, len(values))
	for i, raw := range values {
		if err := text(raw, &items[i]); err != nil {
			return fmt.Errorf("has an item that %w", err)
		}
	}
	*into = items
	return nil
}

// groups reads a list of groups. Nobody sees a space at an end, or a second one, so that a
// rule about such a group would miss it.
func groups(raw json.RawMessage, into *[]string) error {
	if err := list(raw, into); err != nil {
		return err
	}
	if slices.ContainsFunc(*into, func(name string) bool { return name != strings.Join(strings.Fields(name), " ") }) {
		return errors.New("has an item with a space at an end, or with two in a row")
	}
	return nil
}

// isText reports whether s may be an id or a name: a text that an audit line shows as it
// is. U+FFFD stands for what could not be read.
func isText(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return s != "" && len(s) <= maxText
}
