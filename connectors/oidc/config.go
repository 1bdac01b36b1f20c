package oidc

import "github.com/shorepass/shorepass/connectors"

// Config is the `config` of a connector of type oidc. What has a default has it where
// it is the zero value, in a Config made by hand as in that of DefaultConfig.
type Config struct {
	// Issuer is the provider's URL, exactly as its discovery document and its tokens
	// have it: the document is at ISSUER/.well-known/openid-configuration.
	Issuer string `yaml:"issuer"`

	// ClientID is the client that the provider knows Shorepass by. It needs the
	// password grant, which Keycloak calls direct access grants.
	ClientID string `yaml:"client_id"`

	// ClientSecret is that client's secret. Not with client_auth none.
	ClientSecret connectors.Secret `yaml:"client_secret"`

	// ClientAuth is how the secret is sent: basic, in a header (client_secret_basic);
	// post, in the form (client_secret_post); or none, for a public client. It is
	// never found out by trying, which would send a wrong password twice.
	// Default: basic.
	ClientAuth string `yaml:"client_auth"`

	// Scopes are asked for; openid must be among them. Default: openid, profile,
	// email.
	Scopes []string `yaml:"scopes"`

	// UsernameClaim is the path of the claim with the canonical user name, which
	// tokens and rules carry in lower case. Default: preferred_username.
	UsernameClaim string `yaml:"username_claim"`

	// UsernameStrip is what is cut off the end of the name, such as @corp.example.
	// Names without an @ are refused then, since they could be taken for cut ones.
	UsernameStrip string `yaml:"username_strip"`

	// GroupsClaim is the path of the claim with the groups, a list of texts.
	// Default: nobody has any.
	GroupsClaim string `yaml:"groups_claim"`

	// GroupsRequired refuses a login without the claim. Default: false, by which such
	// a person has no groups.
	GroupsRequired bool `yaml:"groups_required"`

	// Algorithms are those that the provider may sign ID tokens with: any of RS256,
	// RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA.
	// Default: RS256, ES256.
	Algorithms []string `yaml:"algorithms"`

	// CAFile is a PEM file with the certificates of the authorities that may have
	// signed the provider's certificate. Default: the system's.
	CAFile connectors.Path `yaml:"ca_file"`

	// Proxy is the URL of the proxy that the provider is reached through: http://,
	// https:// or socks5://. It may hold a password, so it is a secret. The
	// environment (HTTPS_PROXY) is not looked at. Default: no proxy.
	Proxy connectors.Secret `yaml:"proxy"`

	// InsecurePlaintext must be true for an http:// issuer, or for one whose document
	// names http:// endpoints: passwords cross the network in clear then. A loopback
	// address needs no such word. Default: false.
	InsecurePlaintext bool `yaml:"insecure_plaintext"`
}

// The values of Config.ClientAuth.
const (
	authBasic = "basic"
	authPost  = "post"
	authNone  = "none"
)

// DefaultConfig returns a configuration that holds the defaults.
func DefaultConfig() *Config {
	c := Config{}.withDefaults()
	return &c
}

// withDefaults returns the configuration with what is empty filled in.
func (c Config) withDefaults() Config {
	if c.ClientAuth == "" {
		c.ClientAuth = authBasic
	}
	if c.Scopes == nil {
		c.Scopes = []string{scopeOpenID, "profile", "email"}
	}
	if c.UsernameClaim == "" {
		c.UsernameClaim = "preferred_username"
	}
	if c.Algorithms == nil {
		c.Algorithms = []string{"RS256", "ES256"}
	}
	return c
}

// HasGroups reports whether groups are read.
func (c *Config) HasGroups() bool { return c.GroupsClaim != "" }

var (
	_ connectors.Grouped    = (*Config)(nil)
	_ connectors.ChainEnder = (*Config)(nil)
)

// EndsChain reports that a connector of this type is the last one to be asked for the
// names that it handles: it cannot know that it does not know a name.
func (c *Config) EndsChain() bool { return true }

// Connections is one for each login at the provider, and for its documents.
func (c *Config) Connections(atOnce int) int { return maxAtOnce(atOnce) + 1 }
