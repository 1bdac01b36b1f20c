package e2e_test

import (
	"path/filepath"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// skopeo copies between the registry and files, or within the registry.
func skopeo() tool {
	const src, dest = "--src-tls-verify=false", "--dest-tls-verify=false"
	run := func(p *person, args ...string) stack.Result {
		return p.RunApart("", "skopeo", append([]string{"--insecure-policy"}, args...)...)
	}
	return tool{
		name:  "skopeo",
		hides: []refusal{wrongPassword, unknownUser, loginThrottled, pullThrottled, loginDown, pullDown, pushDown, wrongService, serverError},
		login: func(p *person) stack.Result {
			return p.RunApart(p.password, "skopeo", "login", noTLS, "--username", p.name, "--password-stdin", p.Registry())
		},
		logout: func(p *person) stack.Result { return run(p, "logout", p.Registry()) },
		push: func(p *person, ref string) stack.Result {
			return run(p, "copy", dest, "docker-archive:"+p.Image(), "docker://"+ref)
		},
		pull: func(p *person, ref string) stack.Result {
			return run(p, "copy", src, "docker://"+ref, "dir:"+filepath.Join(p.Dir(), "pulled"))
		},
		tags: func(p *person, repository string) stack.Result {
			return run(p, "list-tags", noTLS, "docker://"+repository)
		},
		remove: func(p *person, ref, _ string) stack.Result { return run(p, "delete", noTLS, "docker://"+ref) },
		mount: func(p *person, from, to string) stack.Result {
			return run(p, "copy", src, dest, "docker://"+from, "docker://"+to)
		},
	}
}
