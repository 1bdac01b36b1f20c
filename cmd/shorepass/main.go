// Command shorepass is a federation broker for container registries: people log in
// with the account they already have, and the groups they are in decide what they
// may pull, push and delete.
package main

import (
	"os"

	"github.com/shorepass/shorepass/cmd"
)

func main() { os.Exit(cmd.Main(nil)) }
