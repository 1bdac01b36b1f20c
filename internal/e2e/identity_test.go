package e2e_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/shorepass/shorepass/connectors/connectortest"
)

// TestOneSubjectPerPerson types alice's name in the ways that a directory might take
// for hers: each is the same subject, with the same denies, or refused.
func TestOneSubjectPerPerson(t *testing.T) {
	w := newWorld(t, "")
	spellings := []string{
		"alice", "ALICE", "Alice", " alice", "alice ", "al ice", "ａｌｉｃｅ", "alice\u00a0", "alice\u00ad", "alıce", "alice\x00", `\61lice`, "alice@", "uid=alice", "al\u200bice",
	}
	same := 0
	for _, spelling := range spellings {
		a := w.broker.Token(t, spelling, "alice-password", service, "repository:platform/app:pull,push,delete")
		switch a.Status {
		case http.StatusOK:
			if sub := a.Claims(t).Subject; sub != "directory:alice" {
				t.Errorf("%q is the subject %q", spelling, sub)
			}
			same++
		case http.StatusUnauthorized:
		default:
			t.Errorf("%q: status %d: %s", spelling, a.Status, a.Body)
		}
	}
	if same != 3 {
		t.Errorf("%d spellings are let in, want the three that differ in case", same)
	}
	var all sync.WaitGroup // refusals take their time
	for _, name := range connectortest.HostileNames("alice") {
		want := http.StatusUnauthorized
		switch {
		case name == "":
			continue // anonymous
		case len(name) > 48<<10:
			want = http.StatusRequestHeaderFieldsTooLarge
		}
		all.Go(func() {
			if a, err := w.broker.Ask(t.Context(), name, "alice-password", service); err != nil || a.Status != want {
				t.Errorf("%.100q: %v, status %d, want %d: %s", name, err, a.Status, want, a.Body)
			}
		})
	}
	all.Wait()
}

// TestNoSecretIsPrinted sends a password through everything that can go right and
// wrong, with the log at its most talkative, and looks for it in all its forms.
func TestNoSecretIsPrinted(t *testing.T) {
	const canary = "Canary pa55+word/ü"
	w := newWorld(t, "", "realms:\n", "log: {level: debug, format: json}\nrealms:\n")
	w.slapd.Modify(t, "dn: uid=bob,ou=people,dc=corp,dc=example\nchangetype: modify\nreplace: userPassword\nuserPassword:: "+base64.StdEncoding.EncodeToString([]byte(canary))+"\n")
	if a := w.broker.Token(t, "bob", canary, service, "repository:web/app:pull"); a.Status != http.StatusOK {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	for _, name := range []string{"alice", "zoe", "breakglass", "a b", "*"} {
		w.broker.Token(t, name, canary, service, "repository:web/app:pull")
	}
	post := func(form url.Values, header ...string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.broker.Addr+"/token", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	post(url.Values{"grant_type": {"password"}, "service": {service}, "username": {"bob"}, "password": {canary}})
	post(url.Values{"grant_type": {"refresh_token"}, "service": {service}, "refresh_token": {canary}})
	post(url.Values{"grant_type": {"password"}, "service": {service}, "username": {"bob"}, "password": {canary, "x"}})
	post(url.Values{"grant_type": {"password"}, "service": {service}}, "Authorization", "Bearer "+canary)
	w.slapd.Stop(t)
	w.broker.Token(t, "carol", canary, service) // bob's login is remembered

	audit, err := os.ReadFile(filepath.Join(w.broker.Dir, "data", "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	login := w.broker.Command(t, canary+"\n", "explain", "--login", "bob")
	printed := map[string]string{"log": w.broker.Output.String(), "audit log": string(audit), "explain": login.Text()}
	if !strings.Contains(printed["log"], `"level":"DEBUG"`) || !strings.Contains(printed["audit log"], `"reason":"outage"`) {
		t.Error("the logs are not the talkative ones that this test wants")
	}
	for where, text := range printed {
		for form, secret := range forms(canary) {
			if strings.Contains(text, secret) {
				t.Errorf("the password, %s, is in the %s", form, where)
			}
		}
		for form, secret := range forms("service-password") {
			if strings.Contains(text, secret) {
				t.Errorf("the service account's password, %s, is in the %s", form, where)
			}
		}
	}
}

// forms are the ways in which a secret might be written.
func forms(secret string) map[string]string {
	return map[string]string{
		"raw":           secret,
		"base64":        base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 of URL": base64.RawURLEncoding.EncodeToString([]byte(secret)),
		"as Basic":      base64.StdEncoding.EncodeToString([]byte("bob:" + secret)),
		"query":         url.QueryEscape(secret),
		"path":          url.PathEscape(secret),
		"hex":           hex.EncodeToString([]byte(secret)),
		"bytes":         fmt.Sprintf("%d", []byte(secret)),
	}
}
