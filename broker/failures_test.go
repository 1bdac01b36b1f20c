package broker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/broker/brokertest"
	"github.com/shorepass/shorepass/connectors"
)

// down is a connector of the names that begin with a text, whose upstream is down.
type down struct {
	names string
	err   error
}

func (d down) Handles(c connectors.Credentials) bool { return strings.HasPrefix(c.Username, d.names) }

func (d down) Authenticate(_ context.Context, c connectors.Credentials) (connectors.Identity, error) {
	if strings.HasSuffix(c.Username, "-panics") {
		panic(c.Username)
	}
	if strings.HasSuffix(c.Username, "-reads-on") {
		_ = c.Username[len(c.Username):][0]
	}
	return connectors.Identity{}, d.err
}

// forgetful is an audit log that cannot take what a user of that name does.
type forgetful string

func (f forgetful) Record(_ context.Context, e broker.Entry) error {
	if e.Username == string(f) {
		return errors.New("the disk is full")
	}
	return nil
}

// TestTheLogTellsSeldomOfFailures holds that the log has a line for each connector and reason
// each ten seconds, however many requests fail, and that it tells of all of them.
func TestTheLogTellsSeldomOfFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var realms []broker.Realm
		for _, name := range []string{"corp", "lab"} {
			realms = append(realms, broker.Realm{
				Name: name, Services: []string{"registry." + name}, TokenTTL: time.Minute,
				Connectors: connectors.NewChain(connectors.ASCIIUsernames,
					connectors.Member{Name: "first", Connector: down{"a", errors.New("refused")}},
					connectors.Member{Name: "second", Connector: down{"b", errors.New("hung")}}),
				Policy: brokertest.Compile(t, brokertest.Realm{Name: name, Policy: "rules: [{name: all, anyone: true, repositories: [\"**\"], allow: [pull]}]"}),
				Signer: slowSigner{},
			})
		}
		b, err := broker.New(realms, forgetful("zoe"), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		// fails has requests fail, and returns what the log tells of them.
		fails := func(service, username string, times int) []string {
			log.Reset()
			for range times {
				credentials := connectors.Credentials{Username: username, Password: connectors.NewSecret("pw")}
				if _, err := b.Token(t.Context(), broker.Request{ID: "id-" + username, Service: service, Credentials: &credentials}); err == nil {
					t.Error("a token")
				}
			}
			return slices.Collect(strings.Lines(log.String()))
		}
		want := func(got []string, words ...string) {
			t.Helper()
			if len(words) == 0 && len(got) > 0 || len(words) > 0 && len(got) != 1 {
				t.Errorf("the log has %q, want a line of %q", got, words)
				return
			}
			for _, w := range words {
				if !strings.Contains(got[0], w) {
					t.Errorf("the log has %q, want %q", got[0], w)
				}
			}
		}
		want(fails("registry.corp", "anna", 100), "level=ERROR", "request_id=id-anna", "reason=outage", "count=1 ", "connector first: refused")
		want(fails("registry.corp", "ben", 100), "count=1 ", "connector second: hung")
		want(fails("registry.lab", "anna", 100), "count=1 ", "connector first: refused")
		time.Sleep(10*time.Second - 1)
		want(fails("registry.corp", "anna", 1))
		time.Sleep(time.Nanosecond)
		want(fails("registry.corp", "alma", 7), "request_id=id-alma", "count=101 ")
		want(fails("registry.corp", "ben", 1), "count=100 ")
		time.Sleep(10 * time.Second)
		want(fails("registry.corp", "anna", 1), "count=7 ")
	})
}

// TestFaultsOfOursAreLoggedSingly holds that each of a few failures which are ours has a line
// with its request ID, since clients are told to give it, and that all of many are counted.
func TestFaultsOfOursAreLoggedSingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b, err := broker.New([]broker.Realm{{
			Name: "corp", Services: []string{"registry.corp"}, TokenTTL: time.Minute,
			Connectors: connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "first", Connector: down{"a", errors.New("refused")}}),
			Policy:     brokertest.Compile(t, brokertest.Realm{Name: "corp", Policy: "rules: [{name: all, anyone: true, repositories: [\"**\"], allow: [pull]}]"}),
			Signer:     slowSigner{},
		}}, forgetful("zoe"), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		failed := 0
		fail := func(id, username string) {
			failed++
			credentials := connectors.Credentials{Username: username, Password: connectors.NewSecret("pw")}
			if _, err := b.Token(t.Context(), broker.Request{ID: id, Service: "registry.corp", Credentials: &credentials}); !errors.Is(err, broker.Internal) {
				t.Errorf("%s: %v", username, err)
			}
		}
		for id, username := range map[string]string{"id-1": "a-panics", "id-2": "a-reads-on", "id-3": "zoe", "id-4": "a-panics"} {
			fail(id, username)
		}
		for id, cause := range map[string]string{"id-1": "panic of type string", "id-2": "index out of range", "id-3": "the disk is full", "id-4": "panic of type string"} {
			if line := regexp.MustCompile(".*request_id=" + id + " .*").FindString(log.String()); !strings.Contains(line, cause) {
				t.Errorf("the log has %q of %s, want %q", line, id, cause)
			}
		}
		for range 6000 { // for a minute
			fail("id-5", "a-panics")
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		fail("id-6", "a-panics")
		time.Sleep(10 * time.Second)
		for range 20 {
			fail("id-7", "a-panics")
		}
		lines, counted := 0, 0
		for _, count := range regexp.MustCompile("count=([0-9]+)").FindAllStringSubmatch(log.String(), -1) {
			n, _ := strconv.Atoi(count[1])
			lines, counted = lines+1, counted+n
		}
		if lines > 110 || counted < failed-20 || counted > failed {
			t.Errorf("%d lines tell of %d of %d failures", lines, counted, failed)
		}
	})
}
