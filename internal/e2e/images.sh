#!/usr/bin/env bash
# Stand-ins for the images that docker-compose.yml and its Dockerfiles name, for engines
# that can pull none: made of what this machine has.
#
#   images.sh debian FILE                        as root: Debian's smallest system, with packages to install from
#   images.sh import FILE DEBIAN GO REGISTRY     what a docker engine is to call the images
set -euo pipefail

# debian FILE: a tar file of the release that the Dockerfiles name. The directory's
# packages are in /srv/packages, where apt finds them without a network.
debian() {
	local root mirror
	# The mirror that this machine uses, where it is one of Debian's.
	mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' 2>/dev/null | grep -m1 '^http' || true)
	root=$(mktemp -d)
	trap "rm -rf '$root'" EXIT
	chmod 755 "$root"
	debootstrap --variant=minbase bookworm "$root" "${mirror:-http://deb.debian.org/debian}" >/dev/null
	chroot "$root" sh -e <<-'END'
		apt-get clean
		apt-get install -qq --no-install-recommends --download-only ldap-utils openssl slapd >/dev/null
		mkdir /srv/packages
		mv /var/cache/apt/archives/*.deb /srv/packages
		cd /srv/packages
		for package in *.deb; do
			dpkg-deb --field "$package"
			echo "Filename: ./$package"
			echo "Size: $(stat -c %s "$package")"
			echo "SHA256: $(sha256sum "$package" | cut -d' ' -f1)"
			echo
		done >Packages
		rm -rf /var/lib/apt/lists/* /var/cache/apt/*
		echo 'deb [trusted=yes] file:/srv/packages ./' >/etc/apt/sources.list
	END
	tar -C "$root" -cf "$1.$$" .
	mv "$1.$$" "$1"
}

# derive IMAGE [OPTION…]: an image of Debian's with the files of a tar file, from
# standard input, in it. The options are those of docker commit.
derive() {
	local image=$1 container
	shift
	container=$(docker create "$debian" true)
	docker cp - "$container:/"
	docker commit "$@" "$container" "$image" >/dev/null
	docker rm "$container" >/dev/null
}

# golang IMAGE CACHE: Go as it is here, and the modules of the program, which it
# downloads from nowhere. What the compiler has done before comes from the folder CACHE.
golang() {
	local goroot module
	goroot=$(go env GOROOT)
	module=$(dirname "$0")/../..
	GOFLAGS=-modcacherw GOMODCACHE=$work/go/pkg/mod GOPROXY="file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)" \
		go -C "$module" mod download
	mkdir -p "$2"
	(
		flock 9 # nobody else changes it meanwhile
		GOCACHE=$2 CGO_ENABLED=0 go -C "$module" build -trimpath -o "$work/program" ./cmd/shorepass
		cp -r "$2" "$work/go/build"
	) 9>"$2.lock"
	mkdir -p "$work/etc/ssl/certs"
	cp /etc/ssl/certs/ca-certificates.crt "$work/etc/ssl/certs"
	tar -cf - --exclude=testdata --transform "s,^${goroot#/},usr/local/go," \
		-C "$work" etc go/build go/pkg/mod/cache/download \
		-C / "${goroot#/}/bin" "${goroot#/}/go.env" "${goroot#/}/lib" "${goroot#/}/pkg" "${goroot#/}/src" "${goroot#/}/VERSION" |
		derive "$1" -c 'ENV PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin GOPATH=/go GOCACHE=/go/build GOPROXY=off GOTOOLCHAIN=local'
}

# registry IMAGE: laid out as the official image is.
registry() {
	mkdir -p "$work/bin" "$work/etc/distribution" "$work/var/lib/registry"
	cp "$(type -P registry)" "$work/bin"
	cat >"$work/entrypoint.sh" <<-'END'
		#!/bin/sh
		case $1 in *.yml | *.yaml) set -- registry serve "$@" ;; esac
		exec "$@"
	END
	chmod 755 "$work/entrypoint.sh"
	tar -cf - -C "$work" --transform 's,^bin,usr/bin,' bin entrypoint.sh etc/distribution var |
		derive "$1" -c 'ENTRYPOINT ["/entrypoint.sh"]' -c 'CMD ["/etc/distribution/config.yml"]' -c 'VOLUME /var/lib/registry' -c 'EXPOSE 5000'
}

case ${1:-} in
debian) debian "$2" ;;
import)
	debian=$3
	docker import "$2" "$debian" >/dev/null
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	golang "$4" "$(dirname "$2")/image-go-build"
	rm -rf "${work:?}"/*
	registry "$5"
	;;
*)
	echo "usage: images.sh debian FILE | import FILE DEBIAN GO REGISTRY" >&2
	exit 2
	;;
esac
