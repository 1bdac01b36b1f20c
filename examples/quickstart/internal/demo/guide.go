package demo

import "strings"

// guide is what to type.
type guide struct {
	binary, config string
	auth           tokenAuth
	password       func(uid string) (string, bool)
}

// String is the guide as it is printed.
func (g guide) String() string {
	return strings.NewReplacer(
		"SHOREPASS", shellQuoted(g.binary), "CONFIG", shellQuoted(g.config),
		"'TOKENS'", shellQuoted(g.auth.Realm+"?service="+g.auth.Service+"&scope=repository:platform/hello:pull,push"),
		"ALICE", g.shown("alice"), "BOB", g.shown("bob"), "CAROL", g.shown("carol"),
	).Replace(instructions)
}

// shown is a password as it is typed in a shell, or a placeholder where only its
// hash is known.
func (g guide) shown(uid string) string {
	if password, known := g.password(uid); known {
		return shellQuoted(password)
	}
	return "PASSWORD"
}

// shellQuoted quotes a word for a shell, where it needs it.
func shellQuoted(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

const instructions = `
Ready. Try it from another terminal:

  alice is of team platform: she may push.
    docker login localhost:5000 -u alice -p ALICE
    docker pull localhost:5000/public/hello
    docker tag  localhost:5000/public/hello localhost:5000/platform/mine
    docker push localhost:5000/platform/mine

  bob may only read what platform builds. His home is his own.
    docker login localhost:5000 -u bob -p BOB
    docker pull localhost:5000/platform/hello
    docker push localhost:5000/platform/mine                    (refused)
    docker tag  localhost:5000/public/hello localhost:5000/home/bob/hello
    docker push localhost:5000/home/bob/hello

  carol (docker login … -p CAROL) is of team platform too, but a contractor.
    docker tag  localhost:5000/public/hello localhost:5000/public/hers
    docker push localhost:5000/public/hers                      (refused)

  Nobody in particular may pull public/, and nothing else.
    docker logout localhost:5000
    docker pull localhost:5000/public/hello
    docker pull localhost:5000/platform/hello                   (refused)

  Without docker:
    crane auth login localhost:5000 -u alice -p ALICE
    crane copy localhost:5000/public/hello localhost:5000/platform/copy
    skopeo inspect --tls-verify=false --creds bob:BOB docker://localhost:5000/platform/hello
    curl -u bob:BOB 'TOKENS'

  Who may do what, and why, without trying:
    SHOREPASS explain --config CONFIG --login bob repository:platform/hello:pull,push

Each attempt is told below. Ctrl-C ends all of it.
`
