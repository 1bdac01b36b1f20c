#!/bin/sh
# Starts slapd; the first time it makes the directory's key and loads its entries.
set -eu
umask 077
home=/var/lib/ldap ca=$(dirname "$LDAPTLS_CACERT")
conf=/etc/ldap/demo/slapd.conf

if [ ! -e "$home/key.pem" ]; then
	# A certificate of its own, for the name by which the broker knows this container.
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
		-subj "/CN=directory" -addext "subjectAltName=DNS:directory,IP:127.0.0.1" \
		-keyout "$home/key.new" -out "$home/cert.pem"
	mv "$home/key.new" "$home/key.pem"
fi
# The certificate is public, and the broker runs as another user.
install -m 644 "$home/cert.pem" "$ca/ca.new"
mv "$ca/ca.new" "$LDAPTLS_CACERT"

if [ ! -e "$home/db" ]; then
	rm -rf "$home/db.new"
	mkdir "$home/db.new"
	sed "s,$home/db,$home/db.new," "$conf" >"$home/load.conf"
	slapadd -q -f "$home/load.conf" -l /etc/ldap/demo/directory.ldif
	mv "$home/db.new" "$home/db"
fi

ulimit -n 1024 # slapd takes memory for each descriptor that it might have
exec slapd -f "$conf" -h ldaps://:1636 -d "${SLAPD_LOG:-none}"
