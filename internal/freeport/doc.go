// Package freeport finds ports for the programs that tests start: free ones, which nobody else
// gets before the program has them, or while it is started anew.
package freeport
