package strictyaml

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/shorepass/shorepass/internal/files"
)

// Node is a part of a document. As a field of a struct it keeps a value for later,
// when it is known into what it is to be decoded. Where the key is absent, it is an
// empty mapping at the place of the struct; where the key is misspelled or has no
// value, which has been reported, it is the zero Node.
type Node struct {
	file  string
	value *node
	given bool
}

// ParseFile reads the YAML file at path. Its error is a [Problems].
func ParseFile(path string) (Node, error) {
	if path == "" {
		return Node{}, Problems{{Message: "the name of the file to read is empty"}}
	}
	data, err := files.Read(path, maxFile)
	if err != nil {
		return Node{}, Problems{{File: path, Message: reason(err)}}
	}
	return Parse(path, data)
}

// Parse reads data, the content of the named file. Its error is a [Problems].
func Parse(file string, data []byte) (Node, error) {
	root, problems := parse(data)
	if len(problems) > 0 {
		for i := range problems {
			problems[i].File = file
		}
		return Node{}, problems.Sorted()
	}
	return Node{file: file, value: root, given: true}, nil
}

// Given reports whether the document has the value.
func (n Node) Given() bool { return n.given }

// Text returns the text of a value that is no list and no mapping.
func (n Node) Text() (string, bool) {
	if n.value == nil || !n.value.isScalar() {
		return "", false
	}
	return n.value.text, true
}

// IsZero reports whether there is nothing to decode: no document, a misspelled key, or
// no value.
func (n Node) IsZero() bool { return n.value == nil }

// Decode decodes the value into what into points to; of the zero Node, nothing. Its
// error is a [Problems].
func (n Node) Decode(into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return Problems{{File: n.file, Message: fmt.Sprintf("cannot be decoded into %T: want a pointer", into)}}
	}
	d := decoder{file: n.file, fields: map[reflect.Type][]field{}}
	if n.value != nil {
		d.value(n.value, v.Elem())
	}
	if len(d.problems) == 0 {
		return nil
	}
	return d.problems.Sorted()
}

// Problem is a fault of the value at the path, such as "realms[0].name": it is
// placed at the value's key, or at the item of a list. Where the document does not
// have it, the nearest part that it has is named.
func (n Node) Problem(path, format string, args ...any) Problem {
	at := place{}
	if n.value != nil {
		at = n.value.find(path)
	}
	return Problem{File: n.file, Line: at.line, Column: at.column, Path: path, Message: fmt.Sprintf(format, args...)}
}

// At returns the value at the path, as for [Node.Problem]; where the document does not
// have it, the zero Node.
func (n Node) At(path string) Node {
	if n.value == nil {
		return Node{}
	}
	value, _, whole := n.value.follow(path)
	if !whole {
		return Node{}
	}
	return Node{file: n.file, value: value, given: true}
}

// find is the place of what the path leads to, as far as it goes.
func (n *node) find(path string) place {
	_, at, _ := n.follow(path)
	return at
}

// follow follows a path as far as it goes, and reports whether that is to its end.
func (n *node) follow(path string) (to *node, at place, whole bool) {
	at = n.start()
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == ']' }) {
		key, index, _ := strings.Cut(step, "[")
		if key != "" {
			found := n.lookup(key)
			if found == nil {
				return n, at, false
			}
			n, at = found.value, found.key.place
		}
		if index != "" {
			i, err := strconv.Atoi(index)
			if err != nil || i < 0 || i >= len(n.items) {
				return n, at, false
			}
			n = n.items[i]
			at = n.start()
		}
	}
	return n, at, true
}

func (n *node) lookup(key string) *entry {
	for i := range n.entries {
		if n.entries[i].key.text == key {
			return &n.entries[i]
		}
	}
	return nil
}

// folder is what relative paths in the file start from.
func folder(file string) string {
	absolute, err := filepath.Abs(file)
	if err != nil {
		absolute = file
	}
	return filepath.Dir(absolute)
}
