package e2e_test

import (
	"os"
	"strings"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// crane deletes by digest alone.
func crane() tool {
	return tool{
		name: "crane",
		login: func(p *person) stack.Result {
			return p.Run(p.password, "crane", "auth", "login", "--username", p.name, "--password-stdin", p.Registry())
		},
		logout:  func(p *person) stack.Result { return p.Crane("auth", "logout", p.Registry()) },
		push:    func(p *person, ref string) stack.Result { return p.Crane("push", p.Image(), ref) },
		pull:    func(p *person, ref string) stack.Result { return p.Crane("pull", ref, os.DevNull) },
		tags:    func(p *person, repository string) stack.Result { return p.Crane("ls", repository) },
		catalog: func(p *person) stack.Result { return p.Crane("catalog", p.Registry()) },
		remove: func(p *person, ref, digest string) stack.Result {
			return p.Crane("delete", strings.TrimSuffix(ref, ":"+tag)+"@"+digest)
		},
		mount: func(p *person, from, to string) stack.Result { return p.Crane("copy", from, to) },
	}
}
