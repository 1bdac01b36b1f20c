// Package stack starts the real programs of the end-to-end tests: the broker's own
// binary, CNCF registries, and the clients that people use. A program that is
// missing fails the test, and says how to get it.
package stack
