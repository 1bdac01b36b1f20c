package demo

import "strings"

// guide is what to type.
func guide(binary, config string) string {
	return strings.NewReplacer("SHOREPASS", binary, "CONFIG", config).Replace(`
Ready. Try it from another terminal:

  alice is of team platform: she may push.
    docker login localhost:5000 -u alice -p alice-password
    docker pull localhost:5000/public/hello
    docker tag  localhost:5000/public/hello localhost:5000/platform/mine
    docker push localhost:5000/platform/mine

  bob may only read what platform builds. His home is his own.
    docker login localhost:5000 -u bob -p bob-password
    docker pull localhost:5000/platform/hello
    docker push localhost:5000/platform/mine                    (refused)
    docker tag  localhost:5000/public/hello localhost:5000/home/bob/hello
    docker push localhost:5000/home/bob/hello

  carol (carol-password) is of team platform too, but a contractor.
    docker tag  localhost:5000/public/hello localhost:5000/public/hers
    docker push localhost:5000/public/hers                      (refused)

  Nobody in particular may pull public/, and nothing else.
    docker logout localhost:5000
    docker pull localhost:5000/public/hello
    docker pull localhost:5000/platform/hello                   (refused)

  Without docker:
    crane auth login localhost:5000 -u alice -p alice-password
    crane copy localhost:5000/public/hello localhost:5000/platform/copy
    skopeo inspect --tls-verify=false --creds bob:bob-password docker://localhost:5000/platform/hello
    curl -u bob:bob-password 'http://localhost:5001/token?service=registry.localhost&scope=repository:platform/hello:pull,push'

  Who may do what, and why, without trying:
    SHOREPASS explain --config CONFIG --login bob repository:platform/hello:pull,push

Each attempt is told below. Ctrl-C ends all of it.
`)
}
