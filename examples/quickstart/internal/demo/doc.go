// Package demo is the quick start itself: it builds and starts the broker as an
// operator would, puts a registry and a directory beside it, and tells what happens.
package demo
