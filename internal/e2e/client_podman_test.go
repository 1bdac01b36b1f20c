package e2e_test

import (
	"path/filepath"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// stored runs podman or buildah with a storage of the person's own.
func stored(p *person, stdin, program string, args ...string) stack.Result {
	storage := []string{"--root", filepath.Join(p.Dir(), "storage"), "--runroot", filepath.Join(p.Dir(), "run"), "--storage-driver", "vfs", "--log-level", "error"}
	return p.RunApart(stdin, program, append(storage, args...)...)
}

// noTLS is for podman, buildah and skopeo: they want TLS on loopback too.
const noTLS = "--tls-verify=false"

// podman can list what buildah cannot.
func podman() tool {
	run := func(p *person, args ...string) stack.Result { return stored(p, "", "podman", args...) }
	u := containersTool("podman")
	u.tags = func(p *person, repository string) stack.Result {
		return run(p, "search", noTLS, "--list-tags", repository)
	}
	u.catalog = func(p *person) stack.Result { return run(p, "search", noTLS, "--limit", "100", p.Registry()+"/") }
	return u
}

// buildah builds, pushes and pulls.
func buildah() tool { return containersTool("buildah") }

// containersTool is what podman and buildah have in common.
func containersTool(program string) tool {
	run := func(p *person, args ...string) stack.Result { return stored(p, "", program, args...) }
	return tool{
		name:  program,
		hides: []refusal{wrongPassword, unknownUser, loginThrottled, pullThrottled, loginDown, pullDown, pushDown, wrongService, serverError},
		login: func(p *person) stack.Result {
			return stored(p, p.password, program, "login", noTLS, "--username", p.name, "--password-stdin", p.Registry())
		},
		logout: func(p *person) stack.Result { return run(p, "logout", p.Registry()) },
		push: func(p *person, ref string) stack.Result {
			return inOrder(
				func() stack.Result { return run(p, "pull", "docker-archive:"+p.Image()) },
				func() stack.Result { return run(p, "push", noTLS, p.ImageName(), "docker://"+ref) },
			)
		},
		pull: func(p *person, ref string) stack.Result {
			_ = run(p, "rmi", "--force", ref)
			return run(p, "pull", noTLS, ref)
		},
		build: func(p *person, base string) stack.Result {
			return run(p, "build", "--pull-always", noTLS, buildContext(p, base))
		},
		mount: func(p *person, from, to string) stack.Result {
			return run(p, "push", noTLS, p.ImageName(), "docker://"+to)
		},
	}
}
