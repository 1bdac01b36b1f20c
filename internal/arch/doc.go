// Package arch holds the test that keeps the imports of this module pointing one
// way.
package arch
