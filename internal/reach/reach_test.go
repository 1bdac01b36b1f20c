package reach_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/shorepass/shorepass/internal/reach"
)

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "localhost.": false, "localhost.corp.example": false, "10.0.0.1": false, "0.0.0.0": false, "::": false, "127.0.0.1.nip.io": false,
	} {
		if got := reach.IsLoopback(host); got != want {
			t.Errorf("IsLoopback(%q) = %v", host, got)
		}
	}
}

func TestAdvice(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"authority": {x509.UnknownAuthorityError{}, "set ca_file"},
		"host":      {x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}, "not for this host"},
		"expired":   {x509.CertificateInvalidError{Reason: x509.Expired}, "has expired"},
		"no TLS":    {tls.RecordHeaderError{}, "no TLS"},
		"name":      {&net.DNSError{}, "its name cannot be resolved"},
		"refused":   {syscall.ECONNREFUSED, "nothing listens there"},
		"timeout":   {&net.OpError{Err: os.ErrDeadlineExceeded}, "nothing answers there"},
		"deadline":  {&net.OpError{Err: context.DeadlineExceeded}, ""},
		"other":     {errors.New("other"), ""},
	} {
		got := reach.Advice(fmt.Errorf("while connecting: %w", tt.err))
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: advice %q, want %q", name, got, tt.want)
		}
	}
}

func TestMend(t *testing.T) {
	cause := errors.New("it is broken")
	if err := reach.Mend(cause, ""); !errors.Is(err, cause) || err.Error() != "it is broken" {
		t.Errorf("without advice: %v", err)
	}
	err := fmt.Errorf("server: %w", reach.Mend(cause, "mend it"))
	if fix, told := reach.Told(err); err.Error() != "server: it is broken: mend it" || fix != "mend it" || !errors.Is(told, cause) || !errors.Is(err, cause) {
		t.Errorf("%v is told as %v, and what to do as %q", err, told, fix)
	}
	if fix, told := reach.Told(cause); fix != "" || !errors.Is(told, cause) {
		t.Errorf("%v is told as %v, %q", cause, told, fix)
	}
}
