package config

import (
	"errors"
	"regexp"
	"strings"

	"github.com/shorepass/shorepass/internal/strictyaml"
)

// part is a mapping of the configuration that has been decoded, as far as it could be.
// What it reports of a value that could not be decoded is dropped: what is wrong with
// that has been said, and it holds a default at best.
type part struct {
	*loader
	node  strictyaml.Node
	unfit []string // the paths of what could not be decoded
}

// decode fills keys with what can be decoded, and reports the rest.
func (l *loader) decode(n strictyaml.Node, keys any) part {
	p := part{loader: l, node: n}
	var problems strictyaml.Problems
	errors.As(n.Decode(keys), &problems)
	for _, problem := range problems {
		p.unfit = append(p.unfit, problem.Path)
	}
	l.problems = append(l.problems, problems...)
	return p
}

// whole reports whether all that stands at the path was decoded, and what it is part of.
func (p part) whole(path string) bool {
	for _, unfit := range p.unfit {
		if within(path, unfit) || within(unfit, path) {
			return false
		}
	}
	return true
}

// known reports whether the value at the path is what is written there. Keys beside
// those of the schema do not matter to that.
func (p part) known(path string) bool {
	for _, unfit := range p.unfit {
		if within(path, unfit) || within(unfit, path) && !strings.HasSuffix(unfit, strictyaml.UnknownKey) {
			return false
		}
	}
	return true
}

// within reports whether one path leads to the other or to a part of it.
func within(path, of string) bool {
	rest, ok := strings.CutPrefix(path, of)
	return ok && (of == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}

// mentions reports whether a message names a key that could not be decoded.
func (p part) mentions(message string) bool {
	words := word.FindAllString(message, -1)
	for _, unfit := range p.unfit {
		key := unfit[strings.LastIndexByte(unfit, '.')+1:]
		for _, w := range words {
			if w == key {
				return true
			}
		}
	}
	return false
}

// word matches keys in messages.
var word = regexp.MustCompile(`[a-z0-9_]+`)

// report adds a problem of the value at the path.
func (p part) report(path, format string, args ...any) {
	if p.known(path) {
		p.problems = append(p.problems, p.node.Problem(path, format, args...))
	}
}

// warn adds a warning about the value at the path.
func (p part) warn(path, format string, args ...any) {
	p.cfg.warnings = append(p.cfg.warnings, p.node.Problem(path, format, args...))
}

// choice checks a value that is one of a few.
func (p part) choice(path, value string, known ...string) {
	for _, k := range known {
		if value == k {
			return
		}
	}
	p.report(path, "%s: %q is not one of %s", path, value, strings.Join(known, ", "))
}

// namePattern is what realms and connectors may be called: names stand in URLs,
// folders and rules.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// checkName checks the name of a realm or connector.
func (p part) checkName(what, name string) bool {
	if namePattern.MatchString(name) {
		return true
	}
	p.report("name", "%q is no %s name: want a letter and then up to 62 letters, digits and hyphens, all lower case", name, what)
	return false
}
