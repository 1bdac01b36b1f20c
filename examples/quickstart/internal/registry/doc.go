// Package registry runs the CNCF registry of the quick start inside the process and
// pushes first images into it, the way any client would.
//
// The registry is the real one (github.com/distribution/distribution), with its
// storage in memory and token authentication set up as an operator sets it up: it
// knows the broker by the CA certificate in a file, and nothing else.
package registry
