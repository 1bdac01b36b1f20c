package strictyaml

import (
	"path/filepath"
	"reflect"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// special decodes the types that have a notation of their own.
func (d *decoder) special(n *node, v reflect.Value) bool {
	switch target := v.Addr().Interface().(type) {
	case *Node:
		*target = Node{file: d.file, value: n, given: true}
	case *time.Duration:
		d.duration(n, target)
	case *connectors.Path:
		d.fileName(n, target)
	case *connectors.OneOrMany:
		d.oneOrMany(n, target)
	case *connectors.Secret:
		if s, fault := d.secret(n); fault != nil {
			d.report(fault.place, "%s", fault.message)
		} else {
			*target = s
		}
	default:
		return false
	}
	return true
}

func (d *decoder) duration(n *node, target *time.Duration) {
	switch n.kind {
	case text, number:
		value, err := ParseDuration(n.text)
		if err != nil {
			d.report(n.place, "%s", err.Error())
			return
		}
		*target = value
	default:
		d.report(n.start(), "want a duration such as 90s, 5m, 12h or 90d, got %s", n.kind)
	}
}

func (d *decoder) fileName(n *node, target *connectors.Path) {
	s, ok := d.text(n)
	switch {
	case !ok:
	case s == "":
		d.report(n.place, "the path is empty")
	default:
		*target = connectors.Path(absolute(d.file, s))
	}
}

// absolute is a path that a file names.
func absolute(file, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(folder(file), path)
}

func (d *decoder) oneOrMany(n *node, target *connectors.OneOrMany) {
	switch n.kind {
	case list:
		var many []string
		d.slice(n, reflect.ValueOf(&many).Elem())
		*target = many
	case text:
		*target = connectors.OneOrMany{n.text}
	case mapping:
		d.report(n.start(), "want text or a list, got a mapping")
	default:
		d.mismatch(n, text)
	}
}
