// Package files reads the files that a configuration names, whatever they turn out
// to be: a device, a pipe that nobody writes to, a disk image; and has what was written to a
// folder outlast a loss of power.
package files
