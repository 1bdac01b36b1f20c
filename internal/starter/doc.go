// Package starter has configurations to start from, one for each kind of directory: commented,
// and such that "shorepass check" finds nothing wrong with them.
package starter
