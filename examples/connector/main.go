// Command shorepass-staff is Shorepass with one more connector type, staff: the ten
// lines by which a connector gets in without a change of Shorepass itself.
package main

import (
	"os"

	"github.com/shorepass/shorepass/cmd"
	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/examples/connector/staff"
)

func main() { os.Exit(cmd.Main(types())) }

func types() map[string]connectors.Type {
	return map[string]connectors.Type{"staff": staff.Type()}
}
