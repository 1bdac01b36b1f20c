package directory

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// record is one entry of an LDIF file (RFC 2849), as it is written.
type record struct {
	line  int // where it begins, from 1
	dn    string
	attrs []attribute
}

// attribute is an attribute with all its values, in the order of the file.
type attribute struct {
	name   string
	values []string
}

// logicalLine is a line with its continuations joined to it.
type logicalLine struct {
	number int
	text   string
}

// parseLDIF reads the entries of an LDIF file. Change records and values that
// refer to other files are errors: a directory is loaded from content alone.
func parseLDIF(text string) ([]record, error) {
	var records []record
	open := false // whether the last record may still grow
	for _, line := range unfold(text) {
		if line.text == "" {
			open = false
			continue
		}
		name, value, err := splitLine(line.text)
		if err == nil {
			records, open, err = appendLine(records, open, line.number, name, value)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line.number, err)
		}
	}
	return records, nil
}

// unfold joins continued lines and drops comments, which may be continued too.
func unfold(text string) []logicalLine {
	var lines []logicalLine
	for i, raw := range strings.Split(text, "\n") {
		raw = strings.TrimSuffix(raw, "\r")
		if strings.HasPrefix(raw, " ") && len(lines) > 0 && lines[len(lines)-1].text != "" {
			lines[len(lines)-1].text += raw[1:]
			continue
		}
		lines = append(lines, logicalLine{i + 1, raw})
	}
	kept := lines[:0]
	for _, line := range lines {
		if !strings.HasPrefix(line.text, "#") {
			kept = append(kept, line)
		}
	}
	return kept
}

// splitLine reads "name: value" and "name:: base64".
func splitLine(text string) (name, value string, err error) {
	name, value, found := strings.Cut(text, ":")
	switch {
	case !found || name == "" || strings.ContainsAny(name, " \t"):
		return "", "", fmt.Errorf("%q is not of the form \"name: value\"", text)
	case strings.HasPrefix(value, "<"):
		return "", "", fmt.Errorf("%s: values from other files are not supported", name)
	case strings.HasPrefix(value, ":"):
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value[1:]))
		if err != nil {
			return "", "", fmt.Errorf("%s: value after \"::\" is not base64", name)
		}
		value = string(raw)
	default:
		value = strings.Trim(value, " ")
	}
	if !utf8.ValidString(value) {
		return "", "", fmt.Errorf("%s: value is not UTF-8", name)
	}
	return name, value, nil
}

// appendLine adds a line to the last record, or begins a new one.
func appendLine(records []record, open bool, number int, name, value string) ([]record, bool, error) {
	isDN := strings.EqualFold(name, "dn")
	switch {
	case !open && len(records) == 0 && strings.EqualFold(name, "version"):
		if value != "1" {
			return nil, false, fmt.Errorf("version %s of LDIF is not supported, only 1", value)
		}
		return records, false, nil
	case !open && !isDN:
		return nil, false, fmt.Errorf("an entry begins with \"dn:\", not with %q", name)
	case !open:
		return append(records, record{line: number, dn: value}), true, nil
	case isDN:
		return nil, false, errors.New("a second \"dn\" in one entry: a blank line is missing before it")
	case strings.EqualFold(name, "changetype"):
		return nil, false, errors.New("change records are not supported, only entries")
	}
	records[len(records)-1].add(name, value)
	return records, true, nil
}

func (r *record) add(name, value string) {
	for i := range r.attrs {
		if strings.EqualFold(r.attrs[i].name, name) {
			r.attrs[i].values = append(r.attrs[i].values, value)
			return
		}
	}
	r.attrs = append(r.attrs, attribute{name: name, values: []string{value}})
}
