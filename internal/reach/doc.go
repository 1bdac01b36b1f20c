// Package reach is about servers that are spoken to over HTTP: which of them are this
// machine, and what to do about one that cannot be reached.
package reach
