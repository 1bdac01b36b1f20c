package strictyaml

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/shorepass/shorepass/connectors"
)

// DecodeFile decodes the YAML file at path into the value that into points to. Its
// error is a [Problems].
func DecodeFile(path string, into any) error {
	n, err := ParseFile(path)
	if err != nil {
		return err
	}
	return n.Decode(into)
}

// Decode decodes data, the content of the named file, into the value that into
// points to. Its error is a [Problems].
func Decode(file string, data []byte, into any) error {
	n, err := Parse(file, data)
	if err != nil {
		return err
	}
	return n.Decode(into)
}

// Defaulter is implemented by structs with defaults. The decoder asks those that it
// makes itself, as elements of lists and maps and for pointers, before it fills them.
type Defaulter interface{ SetDefaults() }

// Unmarshaler is implemented by types that can be written in more than one way. The
// error is a [Problems], or one message about the value.
type Unmarshaler interface{ UnmarshalNode(n Node) error }

// positioned is implemented by types that learn where they stand.
type positioned interface {
	SetPosition(file string, line, column int)
}

// decoder decodes parts of one file.
type decoder struct {
	file     string
	problems Problems
	fields   map[reflect.Type][]field
	path     path // of the value in hand
}

func (d *decoder) report(at place, format string, args ...any) {
	d.problems = append(d.problems, Problem{
		File: d.file, Line: at.line, Column: at.column, Path: d.path.String(), Message: fmt.Sprintf(format, args...),
	})
}

// below decodes a part of the value in hand.
func (d *decoder) below(s step, n *node, v reflect.Value) {
	d.path = append(d.path, s)
	d.value(n, v)
	d.path = d.path[:len(d.path)-1]
}

// value decodes a node into v, which can be set.
func (d *decoder) value(n *node, v reflect.Value) {
	if n.kind == null && v.Type() != reflect.TypeFor[connectors.Secret]() {
		d.report(n.place, "no value: give one, or remove the key")
		return
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(d.fresh(v.Type().Elem()).Addr())
		}
		d.value(n, v.Elem())
		return
	}
	if !d.special(n, v) && !d.own(n, v) {
		d.plain(n, v)
	}
	if p, ok := v.Addr().Interface().(positioned); ok {
		at := n.start()
		p.SetPosition(d.file, at.line, at.column)
	}
}

// fresh makes a value with its defaults.
func (d *decoder) fresh(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	if f, ok := v.Interface().(Defaulter); ok {
		f.SetDefaults()
	}
	return v.Elem()
}

// own decodes types that read themselves.
func (d *decoder) own(n *node, v reflect.Value) bool {
	switch target := v.Addr().Interface().(type) {
	case Unmarshaler:
		d.failed(n, target.UnmarshalNode(Node{file: d.file, value: n, given: true}))
	case encoding.TextUnmarshaler:
		if s, ok := d.text(n); ok {
			d.failed(n, target.UnmarshalText([]byte(s)))
		}
	default:
		return false
	}
	return true
}

func (d *decoder) failed(n *node, err error) {
	var problems Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			p.Path = d.path.with(p.Path)
			d.problems = append(d.problems, p)
		}
	} else if err != nil {
		d.report(n.start(), "%s", err.Error())
	}
}

// plain decodes the kinds of the language.
func (d *decoder) plain(n *node, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		if s, ok := d.text(n); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		d.boolean(n, v)
	case reflect.Int, reflect.Int64:
		d.integer(n, v)
	case reflect.Slice:
		d.slice(n, v)
	case reflect.Map:
		d.mapping(n, v)
	case reflect.Struct:
		d.structure(n, v)
	default:
		d.report(n.start(), "cannot be decoded into the Go type %s", v.Type())
	}
}

// mismatch reports a value of another kind.
func (d *decoder) mismatch(n *node, want kind) {
	hint := ""
	switch {
	case want == text && n.isScalar():
		hint = ": put it in quotes"
	case want == list && n.isScalar():
		hint = ": put it in brackets"
	}
	d.report(n.start(), "want %s, got %s%s", want, n.kind, hint)
}

func (d *decoder) text(n *node) (string, bool) {
	if n.kind != text {
		d.mismatch(n, text)
	}
	return n.text, n.kind == text
}

func (d *decoder) boolean(n *node, v reflect.Value) {
	switch {
	case n.kind == boolean:
		v.SetBool(n.text[0] == 't' || n.text[0] == 'T')
	case n.kind == text && isOldBoolean(n.text):
		d.report(n.place, "want true or false, not %s", n.text)
	default:
		d.report(n.start(), "want true or false, got %s", n.kind)
	}
}

func (d *decoder) integer(n *node, v reflect.Value) {
	if n.kind != number {
		d.report(n.start(), "want a whole number, got %s", n.kind)
		return
	}
	i, err := strconv.ParseInt(n.text, 10, v.Type().Bits())
	switch {
	case errors.Is(err, strconv.ErrRange):
		d.report(n.place, "%s is too large or too small", clip(n.text))
	case err != nil:
		d.report(n.place, "want a whole number, got %s", clip(n.text))
	default:
		v.SetInt(i)
	}
}

func (d *decoder) slice(n *node, v reflect.Value) {
	if n.kind != list {
		d.mismatch(n, list)
		return
	}
	made := reflect.MakeSlice(v.Type(), 0, len(n.items))
	for i, item := range n.items {
		element := d.fresh(v.Type().Elem())
		d.below(step{index: i}, item, element)
		made = reflect.Append(made, element)
	}
	v.Set(made)
}

func (d *decoder) mapping(n *node, v reflect.Value) {
	if v.Type().Key().Kind() != reflect.String {
		d.report(n.start(), "cannot be decoded into the Go type %s", v.Type())
		return
	}
	if n.kind != mapping {
		d.mismatch(n, mapping)
		return
	}
	made := reflect.MakeMapWithSize(v.Type(), len(n.entries))
	first := map[string]place{}
	for _, e := range n.entries {
		if d.repeated(first, e.key) {
			continue
		}
		element := d.fresh(v.Type().Elem())
		d.below(step{key: e.key.text}, e.value, element)
		made.SetMapIndex(reflect.ValueOf(e.key.text).Convert(v.Type().Key()), element)
	}
	v.Set(made)
}

// repeated reports a key that was there before.
func (d *decoder) repeated(first map[string]place, key *node) bool {
	at, ok := first[key.text]
	if ok {
		d.reportAt(key.place, key.text, "duplicate key %s: first in line %d", shown(key), at.line)
		return true
	}
	first[key.text] = key.place
	return false
}

// clip bounds what of a file is repeated in a message.
func clip(s string) string {
	const most = 64
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
