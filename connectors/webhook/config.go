package webhook

import (
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// Config is the `config` of a connector of type webhook.
type Config struct {
	// URL is the endpoint's address: https://HOST/PATH, http:// on this machine, or
	// unix:///PATH/OF/SOCKET.
	URL string `yaml:"url"`

	// Secret signs the questions: whsec_ and 24 to 64 bytes in base64, as Standard
	// Webhooks has it. The endpoint has the same.
	Secret connectors.Secret `yaml:"secret"`

	// CAFile is a PEM file with the certificates of the authorities that may have signed
	// the endpoint's certificate. Default: the system's.
	CAFile connectors.Path `yaml:"ca_file"`

	// ClientCertificate is shown to an endpoint that asks for one.
	ClientCertificate *ClientCertificate `yaml:"client_certificate"`

	// Timeout is how long the answer to a question may take, connecting included: from
	// 100ms to 2s, or to 4s without Locate. Default: 2s.
	Timeout time.Duration `yaml:"timeout"`

	// Locate says that the endpoint answers the action locate: whose a user name is,
	// before any password is sent. Default: false, and verify is asked alone.
	Locate bool `yaml:"locate"`

	// Resolve says that the endpoint answers the action resolve: who somebody is, by the
	// stable id. It needs Locate. Default: false.
	Resolve bool `yaml:"resolve"`
}

// ClientCertificate is a certificate that the connector shows to the endpoint. Its files are
// read again when they change.
type ClientCertificate struct {
	// CertFile is a PEM file with the certificate, then those that signed it.
	CertFile connectors.Path `yaml:"cert_file"`

	// KeyFile is a PEM file with its private key.
	KeyFile connectors.Path `yaml:"key_file"`
}

// DefaultConfig returns a configuration that holds the defaults.
func DefaultConfig() *Config { return &Config{Timeout: 2 * time.Second} }

var (
	_ connectors.Grouped   = (*Config)(nil)
	_ connectors.Connected = (*Config)(nil)
)

// HasGroups reports that people may have groups: an endpoint names those of everybody.
func (*Config) HasGroups() bool { return true }

// Connections is as many that are kept as those that are new for each question.
func (*Config) Connections(atOnce int) int { return 2 * connections(atOnce) }

// connections is how many there are of a kind.
func connections(atOnce int) int { return max(leastConnections, atOnce) }
