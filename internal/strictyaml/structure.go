package strictyaml

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/shorepass/shorepass/connectors"
)

// field is a key of a struct.
type field struct {
	key      string
	index    int
	required bool
}

// fields lists the keys of a struct type, in the order of its fields.
func fields(t reflect.Type) []field {
	var list []field
	for i := range t.NumField() {
		tag, ok := t.Field(i).Tag.Lookup("yaml")
		key, option, _ := strings.Cut(tag, ",")
		if ok && key != "" && key != "-" && t.Field(i).IsExported() {
			list = append(list, field{key: key, index: i, required: option == "required"})
		}
	}
	return list
}

func (d *decoder) structure(n *node, v reflect.Value) {
	if n.kind != mapping {
		d.mismatch(n, mapping)
		return
	}
	known, ok := d.fields[v.Type()]
	if !ok {
		known = fields(v.Type())
		d.fields[v.Type()] = known
	}
	first, meant := map[string]place{}, map[string]bool{}
	for _, e := range n.entries {
		f := search(known, e.key.text)
		switch {
		case f == nil:
			meant[d.unknown(n, e.key, known)] = true
		case !d.repeated(first, e.key):
			d.entry(e, *f, v.Field(f.index))
		}
	}
	for _, f := range known {
		if _, given := first[f.key]; !given && !meant[f.key] {
			d.absent(n, f, v.Field(f.index))
		}
	}
}

func search(known []field, key string) *field {
	for i := range known {
		if known[i].key == key {
			return &known[i]
		}
	}
	return nil
}

// entry decodes the value of a key.
func (d *decoder) entry(e entry, f field, v reflect.Value) {
	before := len(d.problems)
	d.below(step{key: f.key}, e.value, v)
	switch {
	case len(d.problems) > before:
	case f.required && isEmpty(v):
		d.reportAt(e.value.start(), f.key, "%q is empty", f.key)
	case e.value.kind == text && e.value.text == "" && isText(v):
		d.reportAt(e.value.place, f.key, "%q is empty: give it a value, or remove the key", f.key)
	}
}

// isText reports whether a field is bare text: for types of their own, what is empty
// is for them to say.
func isText(v reflect.Value) bool {
	switch v.Interface().(type) {
	case string, *string, connectors.OneOrMany:
		return true
	}
	return false
}

// reportAt reports a problem of the key of the mapping in hand.
func (d *decoder) reportAt(at place, key, format string, args ...any) {
	d.path = append(d.path, step{key: key})
	d.report(at, format, args...)
	d.path = d.path[:len(d.path)-1]
}

// absent deals with a key that is not there.
func (d *decoder) absent(n *node, f field, v reflect.Value) {
	if f.required {
		d.reportAt(n.start(), f.key, "the key %q is missing", f.key)
	}
	if kept, ok := v.Addr().Interface().(*Node); ok {
		*kept = Node{file: d.file, value: &node{kind: mapping, place: n.start()}}
	}
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return false
}

// UnknownKey stands in a [Problem]'s path for a key that nothing is known of: what is
// written there may be a value, and a secret one.
const UnknownKey = "?"

// unknown reports a key of the mapping that the struct does not have and returns the
// one that was probably meant. One that is there as well is not at fault itself.
func (d *decoder) unknown(n, key *node, known []field) string {
	names := make([]string, len(known))
	for i, f := range known {
		names[i] = f.key
	}
	near, ok := Nearest(key.text, names)
	at := near
	if !ok || n.lookup(near) != nil {
		at = UnknownKey
	}
	switch {
	case ok:
		d.reportAt(key.place, at, "unknown key %s; did you mean %q?", shown(key), near)
	case len(names) == 0:
		d.reportAt(key.place, at, "unknown key %s; there are no keys here", shown(key))
	default:
		d.reportAt(key.place, at, "unknown key %s; the keys here are %s", shown(key), strings.Join(names, ", "))
	}
	return near
}

// shown is a key in a message, without what may be a value: in {password:secret},
// YAML takes both words for the key.
func shown(key *node) string {
	if i := strings.IndexAny(key.text, ":="); i >= 0 {
		return fmt.Sprintf("%q", clip(key.text[:i])+"…")
	}
	return fmt.Sprintf("%q", clip(key.text))
}
