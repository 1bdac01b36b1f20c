package e2e_test

import (
	"maps"
	"os"
	"slices"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// regctl is told about TLS with every command, rather than once.
func regctl() tool {
	run := func(p *person, stdin string, args ...string) stack.Result {
		return p.Run(stdin, "regctl", append([]string{"--host", "reg=" + p.Registry() + ",tls=disabled"}, args...)...)
	}
	return tool{
		name:  "regctl",
		hides: slices.Collect(maps.Keys(ours)),
		login: func(p *person) stack.Result {
			return run(p, p.password, "registry", "login", "--user", p.name, "--pass-stdin", p.Registry())
		},
		logout: func(p *person) stack.Result { return run(p, "", "registry", "logout", p.Registry()) },
		push:   func(p *person, ref string) stack.Result { return run(p, "", "image", "import", ref, p.Image()) },
		pull:   func(p *person, ref string) stack.Result { return run(p, "", "image", "export", ref, os.DevNull) },
		tags:   func(p *person, repository string) stack.Result { return run(p, "", "tag", "ls", repository) },
		catalog: func(p *person) stack.Result {
			return run(p, "", "repo", "ls", p.Registry())
		},
		remove: func(p *person, ref, _ string) stack.Result {
			return run(p, "", "manifest", "delete", "--force-tag-dereference", ref)
		},
		mount: func(p *person, from, to string) stack.Result { return run(p, "", "image", "copy", from, to) },
	}
}
