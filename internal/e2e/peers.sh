#!/usr/bin/env bash
# Installs what the tests run against: real servers and clients ("servers"), what the
# lab needs of them ("lab"), or the tools of "make lint" ("tools"). What is there
# already is left alone. Programs built with Go go to $SHOREPASS_PEERS/bin, outside the
# repository; Debian's packages to the system.
set -euo pipefail

die() { echo "peers: $*" >&2; exit 1; }

# place prints the folder that the programs are kept in; the Makefile names the same.
place() {
	local peers=${SHOREPASS_PEERS:-} cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
	[ -n "$peers$cache" ] || die "there is no HOME: set SHOREPASS_PEERS to the folder that the servers and clients of the tests are to be kept in"
	[ -n "$peers" ] || peers=$cache/shorepass/peers
	case $peers in
	/*) echo "$peers/bin" ;;
	*) die "the folder of the servers and clients of the tests, $peers, is not absolute: set SHOREPASS_PEERS to a path that begins with /" ;;
	esac
}

# debian PROGRAM PACKAGE…: installs the packages where the program is missing.
debian() {
	local program=$1; shift
	command -v "$program" >/dev/null && return
	wanted+=("$@")
	programs+=("$program")
}

# as_root COMMAND…: runs a command as root. sudo is not to ask for a password: nobody
# may be there to type it.
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

is_installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

has_unit() { systemctl cat "$1" >/dev/null 2>&1; }

# new_services prints the services that the packages come with and that are not on
# this machine yet, from Debian or from elsewhere. They listen on fixed ports and
# sockets, and no test uses them.
new_services() {
	local package services service
	while read -r package services; do
		for service in $services; do
			is_installed "$package" || has_unit "$service.service" || echo "$service"
		done
	done <<-END
		slapd slapd
		docker-registry docker-registry
		docker.io docker
		containerd containerd
		podman podman podman-auto-update podman-restart
		samba smbd nmbd samba-ad-dc
		winbind winbind
		389-ds-base dirsrv dirsrv-snmp
	END
}

# hold SERVICE… and release surround an installation: a policy-rc.d, which Debian
# asks before it starts a service, keeps these from starting. One that is there
# already is left as it is, and what it lets start is said.
rc_policy=/usr/sbin/policy-rc.d
hold() {
	[ $# -gt 0 ] || return 0
	if [ -e "$rc_policy" ] || [ -L "$rc_policy" ]; then
		local service verdict loose=()
		for service in "$@"; do
			verdict=0
			"$rc_policy" "$service" start >/dev/null 2>&1 || verdict=$?
			[ "$verdict" = 101 ] || loose+=("$service")
		done
		[ ${#loose[@]} = 0 ] || echo "peers: this machine's $rc_policy lets services start: end ${loose[*]}, which no test uses and which take ports" >&2
		return 0
	fi
	trap release EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	as_root sh -c 'cat >"$1" && chmod 755 "$1"' sh "$rc_policy" <<-END
		#!/bin/sh
		# By peers.sh of Shorepass, there while it installs packages.
		for word in "\$@"; do
			case \${word%.*} in $(IFS='|' && echo "$*")) exit 101 ;; esac
		done
	END
}

release() {
	trap - EXIT INT TERM HUP
	as_root rm -f "$rc_policy"
}

# keep_off SERVICE…: what this run has installed does not start at the next boot.
keep_off() {
	[ -d /run/systemd/system ] || return 0
	local service unit
	for service in "$@"; do
		for unit in "$service.service" "$service.socket" "$service.timer"; do
			has_unit "$unit" || continue
			as_root systemctl disable --now --quiet "$unit" ||
				echo "peers: $unit could not be switched off: it may start at the next boot" >&2
		done
	done
}

install_wanted() {
	[ ${#wanted[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null ||
		die "the programs ${programs[*]} are missing (Debian has them in ${wanted[*]}): install them, then try again"
	[ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null ||
		die "root must install packages, and sudo is missing or wants a password: run \"sudo apt-get install --no-install-recommends ${wanted[*]}\", then try again"
	local services program
	mapfile -t services < <(new_services)
	echo "peers: installing ${wanted[*]}"
	hold "${services[@]}"
	as_root apt-get update -qq -o DPkg::Lock::Timeout=120
	case " ${wanted[*]} " in *" docker.io "*) # from Debian 13 on, the command line is another package
		[ -z "$(apt-cache madison docker-cli)" ] || wanted+=(docker-cli) ;;
	esac
	# A configuration file that somebody has changed stays as it is: nobody sees a question.
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 \
		-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "${wanted[@]}" >/dev/null
	keep_off "${services[@]}"
	[ -z "$(trap -p EXIT)" ] || release
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

# debian_image makes the file that stands in for the image of Debian, where this
# version of images.sh has not.
debian_image() {
	local script=${0%/*}/images.sh file=${bin%/bin}/debian.tar
	local stamp=${bin%/bin}/.debian.version version
	version=$(cksum <"$script")
	if [ -e "$file" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$version" ]; then return; fi
	echo "peers: building an image of Debian"
	as_root "$script" debian "$file"
	as_root chown "$(id -u)" "$file"
	echo "$version" >"$stamp"
}

# keycloak VERSION: installs Keycloak from Maven's repository where that version is
# missing, and prepares it as the tests start it.
keycloak() {
	local version=$1 home=${bin%/bin}/keycloak stamp="$bin/.keycloak.version"
	if [ -x "$bin/kc.sh" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$version" ]; then return; fi
	echo "peers: installing Keycloak $version"
	rm -rf "$home"
	mkdir -p "$home"
	mvn -q -B dependency:copy -Dartifact="org.keycloak:keycloak-quarkus-dist:$version:tar.gz" -DoutputDirectory="$home" >/dev/null
	tar -xzf "$home/keycloak-quarkus-dist-$version.tar.gz" -C "$home" --strip-components=1
	rm "$home/keycloak-quarkus-dist-$version.tar.gz"
	"$home/bin/kc.sh" build --db=dev-file --features=docker --health-enabled=true >/dev/null
	ln -sf "$home/bin/kc.sh" "$bin/kc.sh"
	echo "$version" >"$stamp"
}

case "${1:-}" in
servers | lab | tools) ;;
*) die "usage: peers.sh servers|lab|tools" ;;
esac
command -v go >/dev/null || die "Go is missing: install it (go.mod says which version), then try again"
bin=$(place)
mkdir -p "$bin" && [ -w "$bin" ] || die "$bin cannot be written to: set SHOREPASS_PEERS to a folder that can"
PATH="$bin:$PATH:/usr/sbin"
wanted=() programs=()
registry=github.com/distribution/distribution/v3/cmd/registry@v3.1.2
crane=github.com/google/go-containerregistry/cmd/crane@v0.22.1
case $1 in
servers)
	debian gcc gcc libc6-dev # for the race detector
	debian slapd slapd
	debian ldapadd ldap-utils
	debian docker-registry docker-registry
	debian docker docker.io
	debian dockerd docker.io # docker may be there without an engine
	debian ctr containerd
	debian runc runc
	debian docker-compose docker-compose
	debian debootstrap debootstrap
	debian samba samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules python3-samba winbind krb5-user
	debian samba-tool samba-ad-dc
	debian ldbmodify ldb-tools
	debian ns-slapd 389-ds-base
	debian certutil libnss3-tools
	debian openssl openssl
	debian sqlite3 sqlite3 # another program that has the database open
	debian ip iproute2
	debian strace strace # what a command waits for the disk for
	debian skopeo skopeo
	debian buildah buildah
	debian podman podman
	debian python3 python3
	debian jq jq # which the documents read the audit log with
	debian dh_bash-completion bash-completion # of what is in it, the one program
	debian zsh zsh
	debian fish fish
	debian mandoc mandoc
	debian groff groff-base
	debian java default-jre-headless
	debian mvn maven
	debian python3 python3
	debian dh_bash-completion bash-completion # of what is in it, the one program
	debian zsh zsh
	debian fish fish
	debian mandoc mandoc
	debian groff groff-base
	install_wanted
	debian_image
	built registry "$registry"
	built crane "$crane"
	built oras oras.land/oras/cmd/oras@v1.3.6
	built regctl github.com/regclient/regclient/cmd/regctl@v0.11.7
	built gitleaks github.com/zricethezav/gitleaks/v8@v8.30.1
	keycloak 26.7.3
	built helm helm.sh/helm/v3/cmd/helm@v3.22.0
	;;
lab)
	debian slapd slapd
	debian ldapadd ldap-utils
	install_wanted
	built registry "$registry"
	built crane "$crane"
	;;
tools)
	built gofumpt mvdan.cc/gofumpt@v0.12.0
	built golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	;;
esac
