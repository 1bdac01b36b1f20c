package ldap_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// TestRefusedServiceAccountIsLeftAlone has many people log in, whose names anybody may
// have made up, while the directory refuses the service account: one bind finds that
// out, wherever it was made.
func TestRefusedServiceAccountIsLeftAlone(t *testing.T) {
	refuses := func(n *atomic.Int64) script {
		return script{bind: func(string, string) (int, string) {
			n.Add(1)
			time.Sleep(50 * time.Millisecond) // so that logins overlap
			return 49, ""
		}}
	}
	mustChange := func(n *atomic.Int64) script {
		return script{
			bind:   func(string, string) (int, string) { n.Add(1); return 0, "" },
			answer: func(string) []*ber.Packet { return []*ber.Packet{control(policyOID, []byte(mustChangeByPolicy))} },
		}
	}
	for name, c := range map[string]struct {
		serves  func(*atomic.Int64) script
		servers int
	}{
		"refused by the only server":    {refuses, 1},
		"refused by one of two servers": {refuses, 2},
		"must change its password":      {mustChange, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var binds atomic.Int64
			var urls []string
			for range c.servers {
				urls = append(urls, listen(t, c.serves(&binds).serve))
			}
			d, log := openServers(t, urls...)
			for range 3 {
				var group sync.WaitGroup
				for range 50 {
					group.Go(func() {
						_, err := d.Locate(t.Context(), "nobody")
						wantOutage(t, err, "the directory refuses the service account; ")
					})
				}
				group.Wait()
			}
			if n := binds.Load(); n != 1 {
				t.Errorf("the service account has signed in %d times, want once", n)
			}
			if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `msg="nobody can sign in"`) || !strings.Contains(text, "next_try=30s") {
				t.Errorf("the log:\n%s\nwant one line, that nobody can sign in", text)
			}
		})
	}
}

// TestRefusedServiceAccountIsTriedAgain holds how often, and that others have their
// answer at once meanwhile.
func TestRefusedServiceAccountIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			log     logged
			code    atomic.Int64
			waited  atomic.Int64 // logins
			mu      sync.Mutex
			tries   []time.Duration
			start   = time.Now()
			account = ldap.NewServiceAccount(config("ldap://localhost"), slog.New(slog.NewTextHandler(&log, nil)))
		)
		code.Store(49)
		login := func() (taken bool) {
			if account.Refusal() != nil {
				return false
			}
			begun := time.Now()
			client, server := net.Pipe()
			go script{bind: func(string, string) (int, string) {
				mu.Lock()
				tries = append(tries, time.Since(start))
				mu.Unlock()
				time.Sleep(500 * time.Millisecond)
				return int(code.Load()), ""
			}}.serve(server)
			err := account.SignIn(t.Context(), client)
			if err != nil && time.Since(begun) > 0 {
				waited.Add(1)
			}
			return err == nil
		}
		load := func(d time.Duration) (recovered bool) {
			for end, next := time.Now().Add(d), time.Now(); time.Now().Before(end); time.Sleep(time.Until(next)) {
				next = next.Add(time.Second)
				var group sync.WaitGroup
				var taken atomic.Bool
				for i := range 5 {
					group.Go(func() {
						time.Sleep(time.Duration(i) * 50 * time.Millisecond) // most come while one tries
						if login() {
							taken.Store(true)
						}
					})
				}
				group.Wait()
				recovered = recovered || taken.Load()
			}
			return recovered
		}
		if load(30 * time.Minute) {
			t.Error("the account was taken")
		}
		if n := waited.Load(); n != 5+int64(len(tries))-1 {
			t.Errorf("%d logins have waited, want the first five, and then one for each of %d tries", n, len(tries)-1)
		}
		for i := range tries {
			tries[i] = tries[i].Round(10 * time.Second)
		}
		want := []time.Duration{0, 30 * time.Second, 150 * time.Second, 630 * time.Second, 1230 * time.Second}
		if !reflect.DeepEqual(tries, want) {
			t.Errorf("the service account has signed in after %v, want %v", tries, want)
		}
		code.Store(0)
		if !load(10*time.Minute + time.Second) {
			t.Error("ten minutes after it was mended, the account was not tried")
		}
		if !strings.Contains(log.String(), `msg="people can sign in again: the directory takes the service account"`) {
			t.Errorf("the log does not tell of the end:\n%s", &log)
		}
		code.Store(49)
		tries = nil
		load(40 * time.Second)
		if len(tries) < 2 || !strings.HasSuffix(log.String(), "next_try=2m0s\n") {
			t.Errorf("the rests do not begin anew; the log:\n%s", &log)
		}
	})
}

// TestServiceAccountBindsSideBySide holds that connections are not opened one after the
// other for as long as the directory takes the account.
func TestServiceAccountBindsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		account := ldap.NewServiceAccount(config("ldap://localhost"), slog.New(slog.DiscardHandler))
		start := time.Now()
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				client, server := net.Pipe()
				go script{bind: func(string, string) (int, string) { time.Sleep(200 * time.Millisecond); return 0, "" }}.serve(server)
				if err := account.SignIn(t.Context(), client); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if took := time.Since(start); took != 400*time.Millisecond {
			t.Errorf("16 binds took %v, want one and then all the others", took)
		}
	})
}

// TestSlowServiceAccount holds that the bind has its time from when it begins, however long
// the account's turn was waited for; that a server which does not answer it has answered
// nobody who waits meanwhile; and that who waits in vain says nothing of the server.
func TestSlowServiceAccount(t *testing.T) {
	for name, c := range map[string]struct {
		takes, patience time.Duration
		ends            map[time.Duration]int // how many, of twelve
		want            error                 // but of the first
	}{
		"slow":                         {1500 * time.Millisecond, 4 * time.Second, map[time.Duration]int{1500 * time.Millisecond: 1, 3 * time.Second: 11}, nil},
		"hung":                         {time.Hour, 4 * time.Second, map[time.Duration]int{2 * time.Second: 12}, ldap.ErrNoAnswer},
		"no time left after the first": {1500 * time.Millisecond, 2 * time.Second, map[time.Duration]int{1500 * time.Millisecond: 12}, connectors.ErrBusy},
		"none left at all":             {1500 * time.Millisecond, time.Second, map[time.Duration]int{time.Second: 12}, connectors.ErrBusy},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				account := ldap.NewServiceAccount(config("ldap://localhost"), slog.New(slog.DiscardHandler))
				ctx, cancel := context.WithTimeout(connectors.CountWaits(t.Context()), c.patience)
				defer cancel()
				var mu sync.Mutex
				var group sync.WaitGroup
				start, ends := time.Now(), map[time.Duration]int{}
				for i := range 12 {
					ctx := connectors.CountWaits(ctx)
					group.Go(func() {
						time.Sleep(time.Duration(i)) // one after the other
						client, server := net.Pipe()
						ended := make(chan struct{})
						go script{bind: func(string, string) (int, string) {
							select {
							case <-time.After(c.takes):
							case <-ended:
							}
							return 0, ""
						}}.serve(server)
						err := account.SignIn(ctx, client)
						close(ended)
						if i > 0 && !errors.Is(err, c.want) || errors.Is(err, connectors.ErrBusy) != (i > 0 && errors.Is(c.want, connectors.ErrBusy)) {
							t.Errorf("login %d: %v, want %v", i, err, c.want)
						}
						mu.Lock()
						defer mu.Unlock()
						ends[time.Since(start).Truncate(time.Millisecond)]++
					})
				}
				group.Wait()
				if !reflect.DeepEqual(ends, c.ends) {
					t.Errorf("they ended after %v, want %v", ends, c.ends)
				}
			})
		})
	}
}

// TestGraceLoginsOfTheServiceAccount holds that its grace logins have no other server
// asked, and that their warning does not swallow the news that they are over.
func TestGraceLoginsOfTheServiceAccount(t *testing.T) {
	var refused atomic.Bool
	var second meter
	d, log := openServers(t, listen(t, func(c net.Conn) {
		if refused.Load() {
			bindCodes(49, 0).serve(c)
			return
		}
		script{answer: func(dn string) []*ber.Packet {
			if dn != serviceDN {
				return nil
			}
			return []*ber.Packet{control(policyOID, []byte(theLastGraceLogin))}
		}, search: func(string, string) ([]record, int) { return []record{alice()}, 1 }}.serve(c) // 1: the connection is not kept
	}), listen(t, second.serve(script{})))
	for range 3 {
		_, err := d.Locate(t.Context(), "alice")
		wantOutage(t, err, "result code 1 ")
	}
	refused.Store(true)
	_, err := d.Locate(t.Context(), "alice")
	wantOutage(t, err, "the directory refuses the service account; ")
	text := log.String()
	if strings.Count(text, `msg="people can sign in a few times more"`) != 1 || strings.Count(text, `msg="nobody can sign in"`) != 1 || strings.Count(text, "\n") != 2 {
		t.Errorf("the log:\n%s\nwant one warning, and then that nobody can sign in", text)
	}
	if len(second.conns) != 0 {
		t.Error("the second server was asked")
	}
}

// TestRefusedCertificate holds that a service account without a DN has a name in the log,
// and that a new certificate is tried at once.
func TestRefusedCertificate(t *testing.T) {
	cfg := config("ldap://localhost")
	cfg.BindDN, cfg.BindPassword = "", connectors.Secret{}
	cfg.ClientCertificate = &ldap.ClientCertificate{CertFile: writeFile(t, ""), KeyFile: writeFile(t, "")}
	renew := func(serial int64) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(serial)}
		cert, certErr := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		private, keyErr := x509.MarshalPKCS8PrivateKey(key)
		if err := errors.Join(certErr, keyErr); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(time.Duration(serial) * time.Hour) // however coarse the clock of files is
		for path, block := range map[connectors.Path]*pem.Block{cfg.ClientCertificate.CertFile: {Type: "CERTIFICATE", Bytes: cert}, cfg.ClientCertificate.KeyFile: {Type: "PRIVATE KEY", Bytes: private}} {
			err := errors.Join(os.WriteFile(string(path), pem.EncodeToMemory(block), 0o600), os.Chtimes(string(path), when, when))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	renew(1)
	synctest.Test(t, func(t *testing.T) {
		log := &logged{}
		account := ldap.NewServiceAccount(cfg, slog.New(slog.NewTextHandler(log, nil)))
		for serial := int64(2); serial < 4; serial++ {
			if err := account.Refusal(); err != nil {
				t.Errorf("a new certificate is refused unseen: %v", err)
			}
			client, server := net.Pipe()
			go func() {
				defer func() { _ = server.Close() }()
				request, err := ber.ReadPacket(server)
				if err != nil {
					t.Error(err)
					return
				}
				write(server, message(request.Children[0].Value.(int64), result(opBindResponse, 49, "")))
			}()
			if account.SignIn(t.Context(), client) == nil || account.Refusal() == nil {
				t.Error("the account is taken, or its refusal forgotten")
			}
			renew(serial)
			time.Sleep(3 * time.Second)
		}
		if want := `account="the subject of client_certificate"`; !strings.Contains(log.String(), want) {
			t.Errorf("the log:\n%s\nwant %s in it", log, want)
		}
	})
}
