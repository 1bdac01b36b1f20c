// Command lab runs a directory, a broker and a registry for those who work on
// Shorepass, until Ctrl-C: slapd with the entries of the demo and of the tests, the
// CNCF registry, and the broker as the working tree has it, at fixed ports.
//
//	make lab
//
// Enter builds the broker anew and restarts it alone. All that the lab makes is in its
// folder, data/lab (data/lab-PORT at other ports), which one lab at a time has; the
// configuration there is written once, and may be edited.
package main
