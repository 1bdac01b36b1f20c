package ldap_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// authority is a server certificate that is good for 127.0.0.1, not for localhost,
// and the file of the authority that signed it.
func authority(t *testing.T) (*tls.Config, connectors.Path) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	s.Close()
	return s.TLS.Clone(), writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
}

// selfSigned is the server certificate that a template describes, and its file.
func selfSigned(t *testing.T, template *x509.Certificate) (*tls.Config, connectors.Path) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(1), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return config, writeFile(t, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// startTLS agrees to StartTLS and goes on over TLS.
func startTLS(c *tls.Config) func(net.Conn) {
	return func(conn net.Conn) {
		if _, err := ber.ReadPacket(conn); err != nil {
			return
		}
		write(conn, message(1, result(opExtendedResponse, 0, "")))
		script{}.serve(tls.Server(conn, c))
	}
}

func overTLS(c *tls.Config) func(net.Conn) {
	return func(conn net.Conn) { script{}.serve(tls.Server(conn, c)) }
}

func TestTLS(t *testing.T) {
	server, ca := authority(t)
	for name, c := range map[string]struct {
		serve func(net.Conn)
		edit  func(*ldap.Config)
	}{
		"LDAPS":    {overTLS(server), func(c *ldap.Config) { c.URL[0] = "ldaps" + strings.TrimPrefix(c.URL[0], "ldap") }},
		"StartTLS": {startTLS(server), func(c *ldap.Config) { c.StartTLS = true }},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(listen(t, c.serve))
			cfg.CAFile = ca
			c.edit(cfg)
			if id, err := login(t, open(t, cfg), "alice", userPassword); err != nil || id.Username != "alice" {
				t.Errorf("login = %q, %v, want alice", id.Username, err)
			}
		})
	}
}

func TestTLSFaults(t *testing.T) {
	server, ca := authority(t)
	old := server.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 // the lowest is 1.2 unless it is set
	nameless, namelessCA := selfSigned(t, &x509.Certificate{Subject: pkix.Name{CommonName: "127.0.0.1"}})
	client, clientCA := selfSigned(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	controller, controllerCA := selfSigned(t, &x509.Certificate{DNSNames: []string{"dc1.localhost"}})
	answer := func(op *ber.Packet) func(net.Conn) { return misbehave(message(1, op).Bytes(), false) }
	injected := append(message(1, result(opExtendedResponse, 0, "")).Bytes(), message(1, result(opBindResponse, 0, "")).Bytes()...)
	for name, c := range map[string]struct {
		serve    func(net.Conn)
		startTLS bool
		edit     func(*ldap.Config)
		want     string
	}{
		"unknown authority": {
			overTLS(server), false, func(c *ldap.Config) { c.CAFile = "" },
			"its certificate comes from an authority that is not trusted; set ca_file to that authority's certificate: ",
		},
		"unknown authority, StartTLS": {
			startTLS(server), true, func(c *ldap.Config) { c.CAFile = "" },
			"its certificate comes from an authority that is not trusted; set ca_file to that authority's certificate: ",
		},
		"wrong host name": {
			overTLS(server), false, func(c *ldap.Config) { c.URL[0] = strings.Replace(c.URL[0], "127.0.0.1", "localhost", 1) },
			"its certificate is not for this host; put a name that the certificate carries into url: ",
		},
		"wrong host name, StartTLS": {
			startTLS(server), true, func(c *ldap.Config) { c.URL[0] = strings.Replace(c.URL[0], "127.0.0.1", "localhost", 1) },
			"its certificate is not for this host; put a name that the certificate carries into url: ",
		},
		"a name in the subject alone": {
			overTLS(nameless), false, func(c *ldap.Config) { c.CAFile = namelessCA },
			"its certificate names no host but in its subject, which does not count: have it made anew, with the host as subjectAltName: ",
		},
		"a server of the domain": {
			overTLS(controller), false, func(c *ldap.Config) {
				c.URL[0], c.CAFile = strings.Replace(c.URL[0], "127.0.0.1", "localhost", 1), controllerCA
			},
			"its certificate is for this server alone, not for the whole domain; put the servers' own names, such as dc1.localhost, into url, in a list: ",
		},
		"a client's certificate": {
			overTLS(client), false, func(c *ldap.Config) { c.CAFile = clientCA },
			"its certificate is not one for servers: have it made anew, with serverAuth in extendedKeyUsage: ",
		},
		"TLS 1.1":              {overTLS(old), false, nil, "protocol version not supported"},
		"TLS 1.1, StartTLS":    {startTLS(old), true, nil, "protocol version not supported"},
		"LDAPS to plain LDAP":  {script{}.serve, false, nil, "cannot connect to "},
		"LDAPS to HTTP":        {func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, false, nil, "no TLS is spoken at this port; ldaps:// is usual at 636, and start_tls: true with ldap:// at 389: "},
		"StartTLS refused":     {answer(result(opExtendedResponse, 2, "unsupported extended operation")), true, nil, `it refuses StartTLS; set it up there, or use ldaps://: result code 2 (protocol error) "unsupported extended operation"`},
		"StartTLS not now":     {answer(result(opExtendedResponse, 52, "")), true, nil, `it refuses StartTLS; set it up there, or use ldaps://: result code 52 (unavailable)`},
		"another answer":       {answer(result(opBindResponse, 0, "")), true, nil, "the answer to StartTLS is not one"},
		"a bomb for an answer": {misbehave(nested(10_000), false), true, nil, "elements nested deeper than 32 levels"},
		"a 10 MB answer":       {misbehave([]byte{0x30, 0x84, 0x00, 0x98, 0x96, 0x80}, false), true, nil, "an element of more than 1048576 bytes"},
		"no answer":            {misbehave(nil, true), true, nil, "reading the answer to StartTLS: "},
		"injected answers":     {misbehave(injected, false), true, nil, "no TLS is spoken at this port"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(listen(t, c.serve))
			cfg.CAFile, cfg.StartTLS = ca, c.startTLS
			if !c.startTLS {
				cfg.URL[0] = "ldaps" + strings.TrimPrefix(cfg.URL[0], "ldap")
			}
			if c.edit != nil {
				c.edit(cfg)
			}
			_, err := open(t, cfg).Locate(t.Context(), "alice")
			wantOutage(t, err, c.want)
		})
	}
}

// TestHangingHandshake holds that a TLS handshake has a deadline too.
func TestHangingHandshake(t *testing.T) {
	t.Parallel()
	for name, starttls := range map[string]bool{"LDAPS": false, "StartTLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(listen(t, misbehave(nil, false)))
			cfg.StartTLS = starttls
			if !starttls {
				cfg.URL[0] = "ldaps" + strings.TrimPrefix(cfg.URL[0], "ldap")
			}
			_, err := open(t, cfg).Locate(t.Context(), "alice")
			wantOutage(t, err, "the directory did not answer in time")
		})
	}
}
