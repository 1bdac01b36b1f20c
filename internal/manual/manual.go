package manual

import (
	"regexp"
	"strings"
)

// Key is what the manual says of a key.
type Key struct {
	Meaning  string   // in plain text
	Default  string   // as it would be written; empty where there is none, or it takes words to say
	Choices  []string // the values that there are, where there are few
	Required bool     // whether it must be there, whatever else is
}

// Manual is the page, by section and key.
type Manual map[string]map[string]Key

// header begins a table of keys.
const header = "| Key | Type | Default | Meaning |"

// Parse reads the tables of keys. In the type of a key, choices are marked as code.
func Parse(page string) Manual {
	m := Manual{}
	section, inTable := "", false
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if heading := strings.TrimLeft(line, "#"); heading != line {
			section = strings.TrimSpace(heading)
			continue
		}
		cells := columns(line)
		if inTable = line == header || inTable && len(cells) == 4; !inTable || !strings.HasPrefix(cells[0], "`") {
			continue
		}
		if m[section] == nil {
			m[section] = map[string]Key{}
		}
		m[section][strings.Trim(cells[0], "`")] = Key{
			Meaning:  plain(cells[3]),
			Default:  only(cells[2]),
			Choices:  codes(cells[1]),
			Required: required.MatchString(cells[3]),
		}
	}
	return m
}

// columns are the cells of a row.
func columns(line string) []string {
	cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|")
	for i, c := range cells {
		cells[i] = strings.TrimSpace(c)
	}
	return cells
}

var (
	code = regexp.MustCompile("`([^`]+)`")
	link = regexp.MustCompile(`\[([^\]]+)\]\([^)]+\)`)

	// required matches what the page says of keys that are required whatever else there
	// is, or as soon as there is what they are part of.
	required = regexp.MustCompile("(^|[.] )Required(, and not empty| within `[a-z_]+`)?[.]")
)

// plain is Markdown without its links.
func plain(text string) string { return link.ReplaceAllString(text, "$1") }

// only is the one thing that is marked as code; empty where there is anything else.
func only(cell string) string {
	if m := code.FindStringSubmatch(cell); m != nil && m[0] == cell {
		return m[1]
	}
	return ""
}

func codes(cell string) []string {
	var all []string
	for _, m := range code.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	return all
}
