// Package strictyaml decodes a YAML document into Go values strictly and reports
// everything that is wrong with it at once, each fault with file, line and column.
//
// # What it decodes into
//
// Targets are structs whose fields carry `yaml:"key"` tags; fields without a tag,
// or with `yaml:"-"`, are no keys. The option `yaml:"key,required"` makes a key
// mandatory and its value non-empty. A field keeps what it held where its key is
// absent, so that defaults are filled in beforehand; for structs that the decoder
// makes itself (elements of lists and maps, and pointers), see [Defaulter].
//
// Fields are string, bool, int, int64, [time.Duration] (see [ParseDuration]),
// slices, maps with string keys, structs, pointers (nil where the key is absent),
// [encoding.TextUnmarshaler], [connectors.Secret], [connectors.Path],
// [connectors.OneOrMany], [Node] and [Unmarshaler]. A type with a method
//
//	SetPosition(file string, line, column int)
//
// learns where its value stands; for a mapping, where its first key stands.
//
// # What it refuses
//
// Unknown, duplicate and missing keys; values of another kind, numbers and booleans
// where text belongs included; keys without a value, and text that is empty where the
// field is a string; yes, no, on and off for a
// boolean; tags, merge keys, directives, and more than one document; control
// characters and what is not UTF-8; files that are not regular files. Anchors and aliases work, within bounds.
//
// # Secrets
//
// No message shows a value that stands where a [connectors.Secret] belongs. Messages
// about syntax, which come before it is known what belongs where, show nothing of
// the document at all.
package strictyaml
