package broker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/connectors"
)

// slowSigner signs when it is told to.
type slowSigner struct {
	release chan struct{}
	quick   bool // it says that it is
}

func (s slowSigner) Slow() bool { return !s.quick }

func (s slowSigner) Issue(token.Grant) (token.Token, error) {
	<-s.release
	return token.Token{Raw: "t"}, nil
}

// keptEntries keeps what was recorded.
type keptEntries struct {
	mu   sync.Mutex
	list []broker.Entry
}

func (k *keptEntries) Record(_ context.Context, e broker.Entry) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append(k.list, e)
	return nil
}

// signedBy returns a way to ask for a token that the signer signs.
func signedBy(t *testing.T, signer broker.Issuer, kept broker.Auditor, log io.Writer) func(context.Context) error {
	t.Helper()
	realm := brokertest.Realm{Name: "corp", Policy: "rules: [{name: all, anyone: true, repositories: [\"**\"], allow: [pull]}]"}
	b, err := broker.New([]broker.Realm{{
		Name: "corp", Services: []string{"registry.corp"}, TokenTTL: time.Minute,
		Connectors: connectors.NewChain(connectors.ASCIIUsernames), Policy: brokertest.Compile(t, realm), Signer: signer,
	}}, kept, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context) error {
		_, err := b.Token(ctx, broker.Request{Scopes: []string{"repository:a/b:pull"}})
		return err
	}
}

// TestQuickSignaturesHaveNoQueue has more of them under way than there are cores.
func TestQuickSignaturesHaveNoQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signer := slowSigner{release: make(chan struct{}), quick: true}
		ask := signedBy(t, signer, &keptEntries{}, io.Discard)
		signed := make(chan error, 4*runtime.GOMAXPROCS(0))
		for range cap(signed) {
			go func() { signed <- ask(t.Context()) }()
		}
		time.Sleep(time.Second)
		close(signer.release)
		for range cap(signed) {
			if err := <-signed; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestSignaturesHaveNoLongQueue has as many signatures under way as there are cores, and more
// wanted.
func TestSignaturesHaveNoLongQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var kept keptEntries
		signer := slowSigner{release: make(chan struct{})}
		ask := signedBy(t, signer, &kept, &log)
		signed := make(chan error, runtime.GOMAXPROCS(0))
		for range cap(signed) {
			go func() { signed <- ask(t.Context()) }()
		}
		synctest.Wait()

		began := time.Now()
		for range 3 {
			failure := broker.AsError(ask(t.Context()))
			if failure.Kind != broker.Unavailable || failure.Reason != "overloaded" || !errors.Is(failure, connectors.ErrBusy) ||
				failure.RetryAfter < 2*time.Second || failure.RetryAfter > 10*time.Second || strings.Contains(failure.Message, "wrong") {
				t.Errorf("%+v", failure)
			}
		}
		if took := time.Since(began); took != 3*600*time.Millisecond {
			t.Errorf("they waited %s", took)
		}
		gone, hangUp := context.WithCancel(t.Context())
		hangUp()
		if failure := broker.AsError(ask(gone)); failure.Reason != "client-gone" {
			t.Errorf("whose client is gone: %+v", failure)
		}
		if n := strings.Count(log.String(), "too much at once"); n != 1 || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%d lines in the log: %s", n, &log)
		}
		if e := kept.list[0]; e.Outcome != "unavailable" || e.Reason != "overloaded" || e.JTI != "" || !e.Outsider() {
			t.Errorf("recorded: %+v", e)
		}

		close(signer.release)
		for range cap(signed) {
			if err := <-signed; err != nil {
				t.Error(err)
			}
		}
		if err := ask(t.Context()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
