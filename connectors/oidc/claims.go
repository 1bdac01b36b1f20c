package oidc

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/reach"
)

// maxGroups is how many groups a person may have.
const maxGroups = 5000

// claims are the members of an ID token or of a userinfo answer.
type claims map[string]any

// lookup returns the value at a path, and whether there is one; the package comment
// has the rule. A null is none. It fails where the path leads through something that
// has no members.
func (c claims) lookup(path string) (value any, found bool, err error) {
	if value := c[path]; value != nil {
		return value, true, nil
	}
	var fault error
	for i := strings.LastIndexByte(path, '.'); i > 0; i = strings.LastIndexByte(path[:i], '.') {
		inner, ok := c[path[:i]]
		if !ok || inner == nil {
			continue
		}
		members, ok := inner.(map[string]any)
		if !ok {
			fault = fmt.Errorf("the claim %s is %s, not an object", path[:i], kindOf(inner))
			continue
		}
		value, found, err := claims(members).lookup(path[i+1:])
		if found {
			return value, true, nil
		}
		if err != nil {
			fault = err
		}
	}
	return nil, false, fault
}

// text returns the text at a path; empty where there is none.
func (c claims) text(path string) (string, error) {
	value, found, err := c.lookup(path)
	if err != nil || !found {
		return "", err
	}
	text, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("the claim %s is %s, not a text", path, kindOf(value))
	}
	return text, nil
}

// groups returns the groups at a path, and whether the claim is there. Anything but a
// list of names is a fault: taken for no groups, it would get past what is denied to
// them.
func (c claims) groups(path string) (groups []string, found bool, err error) {
	value, found, err := c.lookup(path)
	if err != nil || !found {
		return nil, false, err
	}
	list, ok := value.([]any)
	switch {
	case !ok:
		return nil, false, reach.Mend(fmt.Errorf("the claim %s is %s, not a list", path, kindOf(value)), "make it one where the provider maps groups to it, or name another in groups_claim")
	case len(list) > maxGroups:
		return nil, false, fmt.Errorf("the claim %s holds more than %d groups", path, maxGroups)
	}
	for _, item := range list {
		name, ok := item.(string)
		if !ok {
			return nil, false, fmt.Errorf("the claim %s holds %s, not names alone", path, kindOf(item))
		}
		if name = strings.TrimPrefix(name, "/"); name == "" {
			return nil, false, fmt.Errorf("the claim %s holds an empty name", path)
		}
		groups = append(groups, name)
	}
	slices.Sort(groups)
	return slices.Compact(groups), true, nil
}

// hasOverage reports whether the provider left the groups at a path out of the token
// because there are too many: they are named among the distributed claims (OpenID
// Connect Core §5.6.2), or hasgroups says so, as Entra ID does it.
func (c claims) hasOverage(path string) bool {
	if elsewhere, ok := c["_claim_names"].(map[string]any); ok {
		for name := range elsewhere {
			if name == path || strings.HasPrefix(path, name+".") {
				return true
			}
		}
	}
	switch has := c["hasgroups"].(type) {
	case bool:
		return has
	case string:
		return strings.EqualFold(has, "true")
	}
	return false
}

// canonical returns the user name that a claim stands for. strip is what is cut off its
// end. Two accounts of the provider must not come out as one: so a claim may differ from
// the name in upper case alone, and with strip, a name has an @ but for the one that was
// cut off.
func canonical(form connectors.UsernameForm, claim, strip string) (string, error) {
	name, ok := form.Parse(claim)
	switch {
	case !ok:
		return "", errors.New("it is not a user name")
	case name != strings.ToLower(claim):
		return "", fmt.Errorf("it is another spelling of %q, which may be somebody else", name)
	case strip == "":
		return name, nil
	case !strings.Contains(name, "@"):
		return "", errors.New("it has no @, and could be taken for one that username_strip was cut off")
	}
	cut, stripped := strings.CutSuffix(name, strings.ToLower(strip))
	if !stripped {
		return name, nil
	}
	if again, ok := form.Parse(cut); !ok || again != cut || strings.Contains(cut, "@") {
		return "", errors.New("what is left of it after username_strip is not a user name without @")
	}
	return cut, nil
}

// kindOf names the JSON type of a value, for messages that must not show it.
func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "a number"
}
