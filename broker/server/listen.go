package server

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"

	"github.com/shorepass/shorepass/internal/keypair"
)

// The limits of a connection. A client that stops sending is gone well within
// fifteen seconds.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 15 * time.Second
	idleTimeout    = 60 * time.Second
	maxHeaderBytes = 64 << 10
)

// HTTP returns a server of h with the limits that every listener has. certificate
// may be nil: plain HTTP. It speaks HTTP/1.1 alone, as every client of a registry does: a
// connection of HTTP/2 may ask for hundreds of things at once, each with memory of its own,
// keep a handler by not reading its answer, and stay for as long as it asks for more.
func HTTP(h http.Handler, certificate *keypair.Pair, logger *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         new(http.Protocols),
		// "OPTIONS *" is answered like everything that there is not.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	s.Protocols.SetHTTP1(true)
	if certificate != nil {
		s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate.Current(), nil }}
	}
	return s
}
