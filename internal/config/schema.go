package config

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/strictyaml"
	"github.com/shorepass/shorepass/policy"
)

// fileKeys are the keys of shorepass.yaml.
type fileKeys struct {
	Listen         string            `yaml:"listen"`
	PlainHTTP      bool              `yaml:"plain_http"`
	Monitor        string            `yaml:"monitor"`
	AdminSocket    connectors.Path   `yaml:"admin_socket"`
	PublicURL      string            `yaml:"public_url"`
	TLS            *tlsKeys          `yaml:"tls"`
	DataDir        connectors.Path   `yaml:"data_dir"`
	Log            logKeys           `yaml:"log"`
	Audit          auditKeys         `yaml:"audit"`
	TrustedProxies []network         `yaml:"trusted_proxies"`
	Limits         limitKeys         `yaml:"limits"`
	Realms         []strictyaml.Node `yaml:"realms,required"` // each realmKeys
}

type tlsKeys struct {
	CertFile connectors.Path `yaml:"cert_file,required"`
	KeyFile  connectors.Path `yaml:"key_file,required"`
	at       Position
}

func (k *tlsKeys) SetPosition(_ string, line, column int) { k.at = Position{line, column} }

type logKeys struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

type auditKeys struct {
	File   connectors.Path `yaml:"file"`
	Stdout bool            `yaml:"stdout"`
	Sync   *syncInterval   `yaml:"sync"`
}

// realmKeys are the keys of a realm.
type realmKeys struct {
	Name         string            `yaml:"name,required"`
	Services     []serviceKeys     `yaml:"services,required"`
	Issuer       string            `yaml:"issuer"`
	Unicode      bool              `yaml:"unicode_usernames"`
	TokenTTL     time.Duration     `yaml:"token_ttl"`
	PushTokenTTL *time.Duration    `yaml:"push_token_ttl"`
	Signing      signingKeys       `yaml:"signing"`
	Connectors   []strictyaml.Node `yaml:"connectors"`      // each connectorKeys
	Policy       strictyaml.Node   `yaml:"policy,required"` // a path, or policyKeys
}

type signingKeys struct {
	Algorithm string          `yaml:"algorithm"`
	KeyFile   connectors.Path `yaml:"key_file"`
	CertFile  connectors.Path `yaml:"cert_file"`
	at        Position
}

func (k *signingKeys) SetPosition(_ string, line, column int) { k.at = Position{line, column} }

// connectorKeys are the keys of a connector.
type connectorKeys struct {
	Name      string          `yaml:"name,required"`
	Type      string          `yaml:"type,required"`
	Usernames []string        `yaml:"usernames"`
	Config    strictyaml.Node `yaml:"config"` // what the type says
	Guard     strictyaml.Node `yaml:"guard"`  // guard.Settings
	at        Position
}

func (k *connectorKeys) SetPosition(_ string, line, column int) { k.at = Position{line, column} }

// policyKeys are the keys of a policy file.
type policyKeys struct {
	Rules []policy.Rule `yaml:"rules,required"`
}

// serviceKeys is a service, which may be written as its name alone.
type serviceKeys struct {
	Name  string `yaml:"name,required"`
	Trust string `yaml:"trust"`
}

// UnmarshalNode takes a name or a mapping.
func (k *serviceKeys) UnmarshalNode(n strictyaml.Node) error {
	k.Trust = "x5c"
	if _, ok := n.Text(); ok {
		return n.Decode(&k.Name)
	}
	type mapping serviceKeys
	return n.Decode((*mapping)(k))
}

// syncInterval is how soon an audit line is on the disk; 0 is "always".
type syncInterval time.Duration

// UnmarshalNode takes a duration, or the word always.
func (s *syncInterval) UnmarshalNode(n strictyaml.Node) error {
	if word, _ := n.Text(); word == "always" {
		*s = 0
		return nil
	}
	if err := n.Decode((*time.Duration)(s)); err != nil {
		return err
	}
	if d := time.Duration(*s); d < minSync || d > maxSync {
		return fmt.Errorf("want always, or a duration from %s to %s", ShowDuration(minSync), ShowDuration(maxSync))
	}
	return nil
}

// network is an address range, or a single address.
type network netip.Prefix

// UnmarshalText reads CIDR notation or an address.
func (n *network) UnmarshalText(b []byte) error {
	if addr, err := netip.ParseAddr(string(b)); err == nil && addr.Zone() == "" && !addr.Is4In6() {
		*n = network(netip.PrefixFrom(addr, addr.BitLen()))
		return nil
	}
	p, err := netip.ParsePrefix(string(b))
	switch {
	case err != nil || p.Addr().Is4In6():
		return fmt.Errorf("%q is no address range, such as 10.0.0.0/8 or 2001:db8::/32", b)
	case p != p.Masked():
		return fmt.Errorf("%s has address bits after its first %d: write %s", b, p.Bits(), p.Masked())
	}
	*n = network(p)
	return nil
}
