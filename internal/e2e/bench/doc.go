// Package bench measures the program beside floors: programs that do only what no
// broker could leave out. "make bench" runs it and prints a table; docs/performance.md
// has one, and says what the floors do.
package bench
