package policy

import (
	"math/bits"
	"strings"
)

// actions is a set of actions.
type actions uint8

const (
	pull actions = 1 << iota
	push
	remove
	catalog

	actionCount  = 4
	onRepository = pull | push | remove // what "*" means in a rule
)

// The names that the token protocol gives a meaning to.
const (
	actionAll      = "*"
	typeRepository = "repository"
	typeRegistry   = "registry"
	catalogName    = "catalog"
)

// onRepositories are the actions on a repository by name, sorted.
func onRepositories() [3]string { return [...]string{"delete", "pull", "push"} }

// repositoryAction returns the action on a repository of that name, or none.
func repositoryAction(name string) actions {
	switch name {
	case "pull":
		return pull
	case "push":
		return push
	case "delete":
		return remove
	}
	return 0
}

// ruleAction returns what an action of a rule means, or none for an unknown one.
func ruleAction(name string) actions {
	switch name {
	case actionAll:
		return onRepository
	case catalogName:
		return catalog
	}
	return repositoryAction(name)
}

// ruleActions are the names that [ruleAction] knows.
func ruleActions() []string { return []string{"pull", "push", "delete", catalogName, actionAll} }

// each calls visit with the number of each action of the set.
func (a actions) each(visit func(int)) {
	for ; a != 0; a &= a - 1 {
		visit(bits.TrailingZeros8(uint8(a)))
	}
}

// cutScope splits TYPE:NAME:ACTIONS. The name may hold colons itself.
func cutScope(text string) (kind, name, actions string, ok bool) {
	first, last := strings.IndexByte(text, ':'), strings.LastIndexByte(text, ':')
	if first == last {
		return "", "", "", false
	}
	return text[:first], text[first+1 : last], text[last+1:], true
}
