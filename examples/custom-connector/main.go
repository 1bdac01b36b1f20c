// Command shorepass-staff is Shorepass with one connector type more, staff.
package main

import (
	"os"

	"github.com/shorepass/shorepass/cmd"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/examples/custom-connector/staff"
)

func main() { os.Exit(cmd.Main(map[string]connectors.Type{"staff": staff.Type()})) }
