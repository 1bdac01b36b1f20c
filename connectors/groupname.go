package connectors

import "golang.org/x/text/unicode/norm"

// ComposeGroup returns the form in which names of groups are compared, on people and in
// rules: composed (Unicode normalization form C). A directory may keep, and an editor
// may write, é as one character or as two, and nobody can see which.
func ComposeGroup(name string) string { return norm.NFC.String(name) }
