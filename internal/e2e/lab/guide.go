package main

import "strings"

// guide is what is where, who may log in, and what to try.
func (l *lab) guide() string {
	return strings.NewReplacer(
		"REGISTRY", l.registryAddr, "BROKER", l.brokerAddr, "MONITOR", l.monitorAddr, "LDAPS", l.ldaps, "LDAP", l.ldap, "DIR", l.dir,
	).Replace(guide)
}

const guide = `
The lab is up. All its files are in DIR.

  registry   REGISTRY            log: registry.log, images: images/
  broker     http://BROKER     log: broker.log, audit: data/audit.jsonl
             monitor MONITOR    configuration: shorepass.yaml, policy.yaml, users.yaml
  slapd      ldap://LDAP     StartTLS as well; log: slapd.log, authority: slapd/ca.pem
             ldaps://LDAPS

Who may log in, from dc=corp,dc=example:

  alice       alice-password       platform, staff
  bob         bob-password         registry-web
  carol       carol-password       audit, contractors, staff
  breakglass  breakglass-password  (in users.yaml)

dc=example,dc=org has the entries of the tests: odd names, locked accounts, circles of groups
(internal/e2e/slapd/tree.ldif); point base_dn and bind_dn there to try them.

To try, in another terminal:

  docker login REGISTRY -u alice -p alice-password
  crane auth login REGISTRY -u alice -p alice-password
  tar -cf DIR/hello.tar -C DIR policy.yaml
  crane append --oci-empty-base -f DIR/hello.tar -t REGISTRY/platform/hello
  skopeo inspect --tls-verify=false --creds alice:alice-password docker://REGISTRY/platform/hello
  skopeo inspect --tls-verify=false --creds bob:bob-password docker://REGISTRY/platform/hello     (refused)

  DIR/shorepass explain --config DIR/shorepass.yaml --login bob repository:platform/hello:pull,push
  ldapsearch -x -LLL -H ldap://LDAP -D cn=shorepass,ou=services,dc=corp,dc=example -w service-password -b dc=corp,dc=example
  ldapmodify -x -H ldap://LDAP -D cn=admin,dc=example,dc=org -w admin-password
  tail -f DIR/data/audit.jsonl

Enter builds the broker anew and restarts it alone, also after a change of its configuration.
Ctrl-C ends all of it. Remove DIR to begin anew.
`
