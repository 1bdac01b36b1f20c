package ldap_test

import (
	"fmt"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// New checks the configuration; the directory is asked at the first login.
func ExampleNew() {
	cfg := ldap.DefaultConfig()
	cfg.URL = connectors.OneOrMany{"ldaps://ldap.corp.example"}
	cfg.BindDN = "cn=shorepass,ou=services,dc=corp,dc=example"
	cfg.BindPassword = connectors.NewSecret("…")
	cfg.Users.BaseDN = "ou=people,dc=corp,dc=example"
	cfg.Groups = &ldap.Groups{BaseDN: "ou=groups,dc=corp,dc=example", Nested: true}

	d, err := ldap.New(cfg, connectors.Deps{Realm: "corp", Name: "directory"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = d.Close() }()
	fmt.Println("ready")
	// Output: ready
}

func ExampleConfig_Validate() {
	cfg := ldap.DefaultConfig()
	cfg.URL = connectors.OneOrMany{"ldap://ldap.corp.example"}
	for _, p := range cfg.Validate() {
		fmt.Printf("%s: %s\n", p.Field, p.Message)
	}
	// Output:
	// url: ldap:// without start_tls sends passwords in clear: use ldaps:// or start_tls: true; insecure_plaintext: true accepts the risk
	// bind_dn: is required: the DN of the account that searches; where there is none, see client_certificate, anonymous_search and users.dn_template
	// bind_password: is required: the password of bind_dn
	// users.base_dn: is required: the entry below which people are searched
}
