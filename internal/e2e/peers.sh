#!/usr/bin/env bash
# Installs what the tests run against: real servers and clients ("servers"), or the
# tools of "make lint" ("tools"). What is there already is left alone. Programs built
# with Go go to $SHOREPASS_PEERS/bin, outside the repository; Debian's packages to
# the system.
set -euo pipefail

bin="${SHOREPASS_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/shorepass/peers}/bin"
mkdir -p "$bin"
PATH="$bin:$PATH:/usr/sbin"

die() { echo "peers: $*" >&2; exit 1; }

# debian PROGRAM PACKAGE…: installs the packages where the program is missing.
debian() {
	local program=$1; shift
	command -v "$program" >/dev/null && return
	wanted+=("$@")
	programs+=("$program")
}

install_wanted() {
	[ ${#wanted[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null ||
		die "the programs ${programs[*]} are missing (Debian has them in ${wanted[*]}): install them, then try again"
	local as=()
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || die "run this as root, or install the packages ${wanted[*]} yourself"
		as=(sudo)
	fi
	echo "peers: installing ${wanted[*]}"
	"${as[@]}" apt-get update -qq
	"${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
	# The packages start services of their own on fixed ports, which no test uses.
	for service in slapd docker-registry; do
		if command -v systemctl >/dev/null && systemctl is-active --quiet "$service" 2>/dev/null; then
			"${as[@]}" systemctl stop "$service" || true
		fi
	done
	hash -r
	for program in "${programs[@]}"; do
		command -v "$program" >/dev/null || die "$program is still missing after installing ${wanted[*]}"
	done
}

# built PROGRAM MODULE@VERSION: builds the program where that version is missing.
built() {
	local program=$1 source=$2 stamp="$bin/.$1.version"
	if [ -x "$bin/$program" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$source" ]; then return; fi
	echo "peers: building $source"
	GOBIN="$bin" GOFLAGS=-buildvcs=false CGO_ENABLED=0 go install "$source"
	echo "$source" >"$stamp"
}

command -v go >/dev/null || die "Go is missing: install it (go.mod says which version), then try again"
wanted=() programs=()
case "${1:-}" in
servers)
	debian gcc gcc libc6-dev # for the race detector
	debian slapd slapd
	debian ldapadd ldap-utils
	debian docker-registry docker-registry
	debian docker docker.io
	debian skopeo skopeo
	install_wanted
	built registry github.com/distribution/distribution/v3/cmd/registry@v3.1.2
	built crane github.com/google/go-containerregistry/cmd/crane@v0.22.1
	;;
tools)
	built gofumpt mvdan.cc/gofumpt@v0.12.0
	built golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	;;
*) die "usage: peers.sh servers|tools" ;;
esac
