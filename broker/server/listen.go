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

// The limits of a connection of HTTP/2, which is counted as one and may ask for so many things
// at once. What it sends before somebody reads it is in memory.
const (
	maxStreams = 4
	maxFrame   = 16 << 10 // the least that there is (RFC 9113 §6.5.2)
	maxUnread  = 64 << 10 // likewise (§6.9.2)
)

// HTTP returns a server of h with the limits that every listener has. certificate
// may be nil: plain HTTP.
func HTTP(h http.Handler, certificate *keypair.Pair, logger *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReadFrameSize: maxFrame,
			MaxReceiveBufferPerConnection: maxUnread, MaxReceiveBufferPerStream: maxUnread,
		},
		// "OPTIONS *" is answered like everything that there is not.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	if certificate != nil {
		s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate.Current(), nil }}
	}
	return s
}
