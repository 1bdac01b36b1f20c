// Package cmd is the command line: one file per subcommand, and wire.go, the only
// place that knows which connectors there are.
//
// Others compile a connector of their own into the program with a main of a few
// lines that calls [Main] with it.
package cmd
