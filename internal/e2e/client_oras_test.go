package e2e_test

import (
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// oras pushes and pulls files.
func oras() tool {
	const plain = "--plain-http"
	run := func(p *person, args ...string) stack.Result {
		return p.Run("", "env", append([]string{"--chdir", p.Dir(), "oras"}, args...)...) // files are named as seen from here
	}
	return tool{
		name: "oras", artifacts: true, patient: true,
		login: func(p *person) stack.Result {
			return p.Run(p.password, "oras", "login", plain, "--username", p.name, "--password-stdin", p.Registry())
		},
		logout: func(p *person) stack.Result { return run(p, "logout", p.Registry()) },
		push: func(p *person, ref string) stack.Result {
			p.File("artifact.txt", "of "+p.Dir())
			return run(p, "push", plain, ref, "artifact.txt")
		},
		pull: func(p *person, ref string) stack.Result {
			return run(p, "pull", plain, "--output", "pulled", ref)
		},
		tags:    func(p *person, repository string) stack.Result { return run(p, "repo", "tags", plain, repository) },
		catalog: func(p *person) stack.Result { return run(p, "repo", "ls", plain, p.Registry()) },
		remove: func(p *person, ref, _ string) stack.Result {
			return run(p, "manifest", "delete", "--force", plain, ref)
		},
		mount: func(p *person, from, to string) stack.Result {
			return run(p, "copy", "--from-plain-http", "--to-plain-http", from, to)
		},
	}
}
