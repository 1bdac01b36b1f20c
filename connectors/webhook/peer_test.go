package webhook_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/webhook"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		_ = os.Setenv(name, "http://127.0.0.1:1") // fails for no such name
	}
	goleak.VerifyTestMain(m)
}

// secret is what questions are signed with, and key the same without its wrapping.
const secret = "whsec_c2hvcmVwYXNzIHNob3JlcGFzcyBzaG9yZXBhc3Mh"

func key(tb testing.TB) []byte {
	tb.Helper()
	k, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// asked is a question as an endpoint reads it.
type asked struct {
	Version   int
	Action    string
	Realm     string
	Connector string
	ID        string
	Username  string
	Password  string
}

// peer is an endpoint, as somebody else would write it.
type peer struct {
	*httptest.Server
	key []byte

	mu    sync.Mutex
	last  asked
	count int
	body  []byte           // of the last question
	fault http.HandlerFunc // in the place of answers, where there is one
}

// startPeer starts an endpoint, which speaks TLS, plain HTTP or, where at is a path, HTTP
// over a unix socket.
func startPeer(tb testing.TB, start func(*httptest.Server)) *peer {
	tb.Helper()
	p := &peer{key: key(tb)}
	p.Server = httptest.NewUnstartedServer(p)
	p.Config.ErrorLog = nil
	start(p.Server)
	tb.Cleanup(func() {
		p.CloseClientConnections()
		p.Close()
	})
	return p
}

func overTLS(s *httptest.Server) { s.StartTLS() }

func inClear(s *httptest.Server) { s.Start() }

// overSocket has a server listen at a path.
func overSocket(tb testing.TB, path string) func(*httptest.Server) {
	return func(s *httptest.Server) {
		listener, err := new(net.ListenConfig).Listen(tb.Context(), "unix", path)
		if err != nil {
			tb.Fatal(err)
		}
		_ = s.Listener.Close()
		s.Listener = listener
		s.Start()
	}
}

// breakWith has the endpoint answer everything with f, or by itself again where that is nil.
func (p *peer) breakWith(f http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// sent is the body of the last question.
func (p *peer) sent() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.body
}

// lastAsked is the last question, and how many there were.
func (p *peer) lastAsked() (asked, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last, p.count
}

// ServeHTTP checks the signature and answers.
func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = p.checkSignature(r.Header, body)
	}
	var q asked
	if err == nil {
		err = json.Unmarshal(body, &q)
	}
	p.mu.Lock()
	p.last, p.count, p.body = q, p.count+1, body
	fault := p.fault
	p.mu.Unlock()
	switch {
	case fault != nil:
		fault(w, r)
	case err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json":
		http.Error(w, "no", http.StatusUnauthorized)
	default:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, answer(q))
	}
}

func (p *peer) checkSignature(h http.Header, body []byte) error {
	mac := hmac.New(sha256.New, p.key)
	_, _ = io.WriteString(mac, h.Get("webhook-id")+"."+h.Get("webhook-timestamp")+"."+string(body))
	signature, found := strings.CutPrefix(h.Get("webhook-signature"), "v1,")
	sum, err := base64.StdEncoding.DecodeString(signature)
	if !found || err != nil || !hmac.Equal(sum, mac.Sum(nil)) {
		return errors.New("wrong signature")
	}
	sent, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return errors.New("wrong time")
	}
	return nil
}

const alice = `{"result":"identity","id":"7","username":"alice","groups":["platform","on-call","platform"]}`

func answer(q asked) string {
	name := q.Username
	if q.Action == "resolve" {
		name = map[string]string{"7": "alice"}[q.ID]
	}
	right := q.Password == name+"-password"
	switch {
	case q.Action == "probe":
		return `{"result":"ready","actions":["locate","verify","resolve"]}`
	case q.Action == "resolve" && name == "":
		return `{"result":"gone"}`
	case q.Action == "locate" && name == "alice":
		return `{"result":"account","id":"7","username":"alice"}`
	case q.Action == "locate" && name == "carol":
		return `{"result":"account","id":"9","username":"carol"}`
	case q.Action == "locate" || name != "alice" && name != "carol":
		return `{"result":"not-mine"}`
	case q.Action == "verify" && !right:
		return `{"result":"rejected","reason":"wrong-password"}`
	case name == "carol":
		return `{"result":"rejected","reason":"disabled"}`
	}
	return alice
}

// configured is a configuration for the peer.
func (p *peer) configured(tb testing.TB) *webhook.Config {
	tb.Helper()
	c := webhook.DefaultConfig()
	c.URL, c.Secret, c.Locate, c.Resolve = p.URL, connectors.NewSecret(secret), true, true
	if p.TLS != nil {
		c.CAFile = connectors.Path(filepath.Join(tb.TempDir(), "ca.pem"))
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
		if err := os.WriteFile(string(c.CAFile), block, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}

// open opens a directory.
func open(tb testing.TB, c *webhook.Config) connectors.Directory {
	tb.Helper()
	return openIn(tb, c, connectors.ASCIIUsernames)
}

// openIn opens a directory in a realm whose user names have the form.
func openIn(tb testing.TB, c *webhook.Config, form connectors.UsernameForm) connectors.Directory {
	tb.Helper()
	return openOf(tb, c, connectors.Deps{Realm: "corp", Name: "people", Form: form})
}

// openOf is open with what a connector is given besides.
func openOf(tb testing.TB, c *webhook.Config, deps connectors.Deps) connectors.Directory {
	tb.Helper()
	d, err := webhook.Open(c, deps)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = d.(io.Closer).Close() })
	return d
}

// connect makes the connector as the program does, for names that the patterns take.
func connect(tb testing.TB, c *webhook.Config, usernames ...string) connectors.Connector {
	tb.Helper()
	return guard.Password(open(tb, c), guard.Config{Usernames: usernames})
}

// login signs somebody in.
func login(tb testing.TB, c connectors.Connector, username, password string) (connectors.Identity, error) {
	tb.Helper()
	return c.Authenticate(tb.Context(), connectors.Credentials{Username: username, Password: connectors.NewSecret(password)})
}

// isOutage reports whether err is one, and shows no password.
func isOutage(err error) bool {
	return err != nil && !errors.Is(err, connectors.ErrNotMine) && !errors.Is(err, connectors.ErrRejected) && !errors.Is(err, connectors.ErrGone) &&
		!strings.Contains(err.Error(), "alice-password")
}

// makeCertificate makes a certificate of a client, valid for so long from now, and writes it
// with its key.
func makeCertificate(t *testing.T, valid time.Duration) (certificate *x509.Certificate, certFile, keyFile string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(valid),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	if certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return certificate, writePEM(t, "client.pem", "CERTIFICATE", der), writePEM(t, "client-key.pem", "EC PRIVATE KEY", encoded)
}

func clientCertificate(certFile, keyFile string) *webhook.ClientCertificate {
	return &webhook.ClientCertificate{CertFile: connectors.Path(certFile), KeyFile: connectors.Path(keyFile)}
}
