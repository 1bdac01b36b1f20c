package connectortest

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
)

// HostileNames returns user names that have broken programs of this kind: each
// contains base where that makes it more dangerous.
func HostileNames(base string) []string {
	return []string{
		"*", base + "*", "*" + base, "(" + base, base + ")", base + ")(uid=*", base + ")(|(uid=*))", "*)(objectClass=*",
		base + "\\2a", "\\2a", "\\", base + "\\", base + "\\00", "\\" + base, `CORP\` + base,
		base + ",ou=people", base + ",dc=example,dc=com", "uid=" + base, `"` + base + `"`, base + "+cn=x", "<" + base + ">", "#" + base, base + ";",
		"", " ", "\t", "\x00", base + "\x00", "\x00" + base, base + "\x00*", base + "\n", base + "\r\n", "\x7f", base + "\x1b[31m",
		"\u0430lice", base + "\u200b", base + "\u00ad", base + "\u00a0", "\u202e" + base, "ａｌｉｃｅ", "ALİCE", "\ufeff" + base, base + "\u0301",
		"\xff\xfe", base + "\xc3", "\xed\xa0\x80",
		"../" + base, "..", ".", "/etc/passwd", base + "/../root", "C:\\" + base, "%2e%2e", base + "%00", "%s%n", "${jndi:ldap://x/}",
		"' OR '1'='1", base + "'--", base + ":x", "directory:" + base, base + "@" + base + "@", "$(" + base + ")", "`" + base + "`",
		strings.Repeat("a", connectors.MaxUsername+1), strings.Repeat("*", 1<<10), strings.Repeat("(", 1<<10), strings.Repeat("a", 1<<16),
	}
}

// checkHostileNames calls Authenticate whether or not the connector says that it
// handles the name: the chain is not the only thing that stands between.
func checkHostileNames(tb testing.TB, f Fixture) {
	c := f.New(tb)
	for _, name := range HostileNames(f.Good.Username) {
		cred := Login{name, f.Good.Password}.credentials()
		c.Handles(cred)
		id, err := c.Authenticate(tb.Context(), cred)
		same, _ := f.Form.Parse(name) // a spelling of the good one, where the form says so
		if f.Tokens != "" {
			same = f.Username // any will do
		}
		switch {
		case err == nil && (same != f.Username || id.Username != f.Username):
			tb.Errorf("user name %.40q signed in as %q", name, id.Username)
		case err == nil:
		case !errors.Is(err, connectors.ErrNotMine) && !errors.Is(err, connectors.ErrRejected):
			tb.Errorf("user name %.40q gave %v, want a refusal", name, err)
		}
	}
}

// checkSpellings holds that one person has one identity: a second one would walk
// past whatever is denied to the first.
func checkSpellings(tb testing.TB, f Fixture) {
	c := f.New(tb)
	want, err := c.Authenticate(tb.Context(), f.Good.credentials())
	if err != nil {
		tb.Fatalf("the good login failed: %v", err)
	}
	for _, name := range f.Spellings {
		cred := Login{name, f.Good.Password}.credentials()
		if !c.Handles(cred) {
			continue
		}
		id, err := c.Authenticate(tb.Context(), cred)
		switch {
		case err == nil && (id.ID != want.ID || id.Username != want.Username):
			tb.Errorf("spelling %q is %s %q, want %s %q", name, id.ID, id.Username, want.ID, want.Username)
		case err != nil && !errors.Is(err, connectors.ErrNotMine) && !errors.Is(err, connectors.ErrRejected):
			tb.Errorf("spelling %q gave %v, want the identity or a refusal", name, err)
		}
	}
}

// checkBlankPasswords asks a connector whose upstream is down as well: only one
// that refuses before it sends anything can reject there.
func checkBlankPasswords(tb testing.TB, f Fixture) {
	asked := []connectors.Connector{f.New(tb)}
	if f.Down != nil {
		asked = append(asked, f.Down(tb))
	}
	for _, c := range asked {
		for _, password := range []string{"", "\x00", "\x00\x00"} {
			_, err := c.Authenticate(tb.Context(), Login{f.Good.Username, password}.credentials())
			wantRejected(tb, err, connectors.ReasonEmptyPassword)
		}
	}
}

// checkCanary looks for passwords in every form in which an error could show them.
func checkCanary(tb testing.TB, f Fixture) {
	attempts := map[string]connectors.Connector{"living": f.New(tb)}
	if f.Down != nil {
		attempts["down"] = f.Down(tb)
	}
	for state, c := range attempts {
		_, err := c.Authenticate(tb.Context(), f.wrong())
		if err == nil {
			tb.Errorf("upstream %s: the wrong password signed in", state)
			continue
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			wantNoSecret(tb, e, f.WrongPassword)
		}
	}
}

func wantNoSecret(tb testing.TB, err error, secret string) {
	tb.Helper()
	raw := []byte(secret)
	forms := []string{
		secret, hex.EncodeToString(raw), url.QueryEscape(secret),
		base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw), fmt.Sprintf("%d", raw),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%s", "%x"} {
		text := fmt.Sprintf(verb, err)
		for _, form := range forms {
			if strings.Contains(text, form) {
				tb.Errorf("printed with %s, the error shows the password", verb)
			}
		}
	}
}
