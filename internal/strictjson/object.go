package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// FieldError is the fault of one field.
type FieldError struct {
	Field string // its name, at most a hundred letters of it
	text  string
}

// Error says what is wrong.
func (e *FieldError) Error() string { return e.text }

func fieldError(name, format string, args ...any) *FieldError {
	return &FieldError{Field: fmt.Sprintf("%.100s", name), text: fmt.Sprintf(format, args...)}
}

// Object reads a JSON object (RFC 8259 §4) whose fields are texts and lists of texts. A field
// goes where fields points to by its name: to a string or to a []string. Every field may be
// left out. The error is a [*FieldError] where one field is at fault. The errors say what is wrong, and show nothing of the content but the name of a
// field.
func Object(content []byte, fields map[string]any) error {
	if !utf8.Valid(content) {
		return errors.New("the content is no UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(content))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return errors.New("the content must be a JSON object")
	}
	given := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		name, _ := token.(string)
		if err != nil {
			return noJSON(d)
		}
		if given[name] {
			return fieldError(name, "the field %.100q is given twice", name)
		}
		given[name] = true
		if err := field(d, name, fields); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return noJSON(d)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands after the JSON object")
	}
	return nil
}

// field reads the value of one field.
func field(d *json.Decoder, name string, fields map[string]any) error {
	var value any
	if err := d.Decode(&value); err != nil {
		return noJSON(d)
	}
	switch into := fields[name].(type) {
	case *string:
		text, ok := value.(string)
		if !ok {
			return fieldError(name, "the field %q must be a string", name)
		}
		*into = text
	case *[]string:
		list, ok := texts(value)
		if !ok {
			return fieldError(name, "the field %q must be a list of strings", name)
		}
		*into = list
	default:
		return fieldError(name, "there is no field %.100q, only %s", name, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
	}
	return nil
}

// texts returns a list of texts, if the value is one.
func texts(value any) ([]string, bool) {
	items, ok := value.([]any)
	list := make([]string, len(items))
	for i, item := range items {
		text, is := item.(string)
		list[i], ok = text, ok && is
	}
	return list, ok
}

// noJSON says where the content stops being JSON.
func noJSON(d *json.Decoder) error {
	return fmt.Errorf("the content is no JSON, from byte %d on", d.InputOffset())
}
