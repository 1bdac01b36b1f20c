package e2e_test

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// helm pushes a chart: its repository is named for the chart, its tag for the version.
func helm() tool {
	const plain = "--plain-http"
	run := func(p *person, args ...string) stack.Result { return p.Run("", "helm", args...) }
	return tool{
		name: "helm", artifacts: true, patient: true,
		login: func(p *person) stack.Result {
			return p.Run(p.password, "helm", "registry", "login", plain, "--username", p.name, "--password-stdin", p.Registry())
		},
		logout: func(p *person) stack.Result { return run(p, "registry", "logout", p.Registry()) },
		push: func(p *person, ref string) stack.Result {
			repository := strings.TrimSuffix(ref, ":"+tag)
			name := path.Base(repository)
			chart := filepath.Dir(p.File(name+"/Chart.yaml", "apiVersion: v2\nname: "+name+"\nversion: "+tag+"\n"))
			return inOrder(
				func() stack.Result { return run(p, "package", chart, "--destination", p.Dir()) },
				func() stack.Result {
					return run(p, "push", plain, chart+"-"+tag+".tgz", "oci://"+path.Dir(repository))
				},
			)
		},
		pull: func(p *person, ref string) stack.Result {
			return run(p, "pull", plain, "oci://"+strings.TrimSuffix(ref, ":"+tag), "--version", tag, "--destination", p.Dir())
		},
	}
}
