package oidc_test

import (
	"fmt"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
)

// New checks the configuration; the provider is asked at the first login.
func ExampleNew() {
	cfg := oidc.DefaultConfig()
	cfg.Issuer = "https://sso.corp.example/realms/corp"
	cfg.ClientID = "shorepass"
	cfg.ClientSecret = connectors.NewSecret("…")
	cfg.GroupsClaim = "groups"

	d, err := oidc.New(cfg, connectors.Deps{Realm: "corp", Name: "sso"}, oidc.NewAccounts())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = d.Close() }()
	fmt.Println("ready")
	// Output: ready
}

func ExampleConfig_Validate() {
	cfg := oidc.DefaultConfig()
	cfg.Issuer = "http://sso.corp.example"
	cfg.Scopes = []string{"profile"}
	for _, p := range cfg.Validate() {
		fmt.Printf("%s: %s\n", p.Field, p.Message)
	}
	// Output:
	// issuer: http:// sends passwords in clear: use https://; insecure_plaintext: true accepts the risk
	// client_id: is required: the client that the provider knows Shorepass by
	// client_secret: is required: the secret of client_id; a public client, which has none, needs client_auth: none
	// scopes: must hold openid: without it the provider sends no ID token
}
