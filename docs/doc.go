// Package docs has the pages of the documentation that the program itself reads.
package docs

import _ "embed" // the pages

// Configuration is configuration.md: its tables describe every key, also to editors.
//
//go:embed configuration.md
var Configuration string
