// Package narrate turns the broker's audit file into sentences: who asked for what,
// what was granted and what refused, and which rule decided.
package narrate
