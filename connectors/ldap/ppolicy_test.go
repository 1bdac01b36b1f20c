package ldap_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

const (
	policyOID            = "1.3.6.1.4.1.42.2.27.8.5.1"
	netscapeExpiredOID   = "2.16.840.1.113730.3.4.4"
	netscapeExpiringOID  = "2.16.840.1.113730.3.4.5"
	someControlOfOurOwn  = "1.2.3.4"
	codeSuccess, code49  = 0, 49
	lockedByPolicy       = "\x30\x03\x81\x01\x01"
	expiredByPolicy      = "\x30\x03\x81\x01\x00"
	mustChangeByPolicy   = "\x30\x03\x81\x01\x02"
	tooYoungByPolicy     = "\x30\x03\x81\x01\x07"
	threeGraceLogins     = "\x30\x05\xa0\x03\x81\x01\x03"
	theLastGraceLogin    = "\x30\x05\xa0\x03\x81\x01\x00"
	expiredWithGrace     = "\x30\x08\xa0\x03\x81\x01\x03\x81\x01\x00"
	expiresInTenMinutes  = "\x30\x06\xa0\x04\x80\x02\x02\x58"
	expiresAndMustChange = "\x30\x09\xa0\x04\x80\x02\x02\x58\x81\x01\x02"
)

// TestPasswordPolicy sorts what the password policy control says of a bind.
func TestPasswordPolicy(t *testing.T) {
	policy := func(value string) []*ber.Packet { return []*ber.Packet{control(policyOID, []byte(value))} }
	for name, c := range map[string]struct {
		code   int
		answer []*ber.Packet
		want   connectors.Reason // empty: signs in
		outage bool
	}{
		"right":                         {codeSuccess, policy("\x30\x00"), "", false},
		"right, of another control":     {codeSuccess, []*ber.Packet{control(someControlOfOurOwn, []byte("\xff\xff"))}, "", false},
		"right, expires soon":           {codeSuccess, policy(expiresInTenMinutes), "", false},
		"right, Netscape: expires soon": {codeSuccess, []*ber.Packet{control(netscapeExpiringOID, []byte("600"))}, "", false},
		"must change":                   {codeSuccess, policy(mustChangeByPolicy), connectors.ReasonMustChange, false},
		"must change, expires soon":     {codeSuccess, policy(expiresAndMustChange), connectors.ReasonMustChange, false},
		"must change, says Netscape":    {codeSuccess, []*ber.Packet{control(netscapeExpiredOID, []byte("0"))}, connectors.ReasonMustChange, false},
		"must change, says the second":  {codeSuccess, append(policy("\x30\x00"), policy(mustChangeByPolicy)...), connectors.ReasonMustChange, false},
		"grace login":                   {codeSuccess, policy(threeGraceLogins), connectors.ReasonGraceLogin, false},
		"last grace login":              {codeSuccess, policy(theLastGraceLogin), connectors.ReasonGraceLogin, false},
		"grace login, expired":          {codeSuccess, policy(expiredWithGrace), connectors.ReasonGraceLogin, false},
		"expired, and lets in":          {codeSuccess, policy(expiredByPolicy), connectors.ReasonExpired, false},
		"locked, and lets in":           {codeSuccess, policy(lockedByPolicy), connectors.ReasonLocked, false},
		"nonsense about a change":       {codeSuccess, policy(tooYoungByPolicy), connectors.ReasonRestricted, false},
		"wrong":                         {code49, policy("\x30\x00"), connectors.ReasonWrongPassword, false},
		"wrong, nonsense":               {code49, policy(tooYoungByPolicy), connectors.ReasonWrongPassword, false},
		"wrong, grace":                  {code49, policy(threeGraceLogins), connectors.ReasonWrongPassword, false},
		"locked":                        {code49, policy(lockedByPolicy), connectors.ReasonLocked, false},
		"locked, as 389 has it":         {19, policy(lockedByPolicy), connectors.ReasonLocked, false},
		"expired":                       {code49, policy(expiredByPolicy), connectors.ReasonExpired, false},
		"must change, refused":          {53, policy(mustChangeByPolicy), connectors.ReasonMustChange, false},
		"busy, whatever else":           {51, policy(lockedByPolicy), "", true},
		"no value":                      {codeSuccess, []*ber.Packet{control(policyOID, nil)}, "", true},
		"empty value":                   {codeSuccess, policy(""), "", true},
		"a value cut short":             {codeSuccess, policy("\x30\x03\x81\x01"), "", true},
		"an error that there is not":    {codeSuccess, policy("\x30\x03\x81\x01\x09"), "", true},
		"an error of two octets":        {codeSuccess, policy("\x30\x04\x81\x02\x00\x01"), "", true},
		"a warning of nothing":          {codeSuccess, policy("\x30\x02\xa0\x00"), "", true},
		"nested a thousand times":       {codeSuccess, policy(string(nested(1000))), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, config(listen(t, script{
				bind: func(dn, _ string) (int, string) {
					if dn == serviceDN {
						return 0, ""
					}
					return c.code, ""
				},
				answer: func(dn string) []*ber.Packet {
					if dn == serviceDN {
						return nil
					}
					return c.answer
				},
			}.serve)))
			_, err := login(t, d, "alice", userPassword)
			switch {
			case c.outage:
				wantOutage(t, err, "checking the password: ")
			case c.want == "" && err != nil:
				t.Errorf("error = %v", err)
			case c.want != "" && !reflect.DeepEqual(err, connectors.Reject(c.want)):
				t.Errorf("error = %v, want a rejection for %s", err, c.want)
			}
		})
	}
}

// TestPasswordPolicyIsAskedFor holds that every bind carries the control,
// and that it is not critical: a directory without it takes no notice.
func TestPasswordPolicyIsAskedFor(t *testing.T) {
	var asked atomic.Int64
	d := open(t, config(listen(t, func(c net.Conn) {
		defer func() { _ = c.Close() }()
		for {
			request, err := ber.ReadPacket(c)
			if err != nil {
				return
			}
			id, op := request.Children[0].Value.(int64), request.Children[1]
			switch {
			case op.Tag == opSearchRequest:
				script{}.answerSearch(c, id, op)
			case len(request.Children) == 3:
				sent := fmt.Sprintf("%x", request.Children[2].Children[0].Bytes())
				if want := fmt.Sprintf("%x", control(policyOID, nil).Bytes()); sent != want {
					t.Errorf("the control is %s, want %s", sent, want)
				}
				asked.Add(1)
				fallthrough
			default:
				write(c, message(id, result(opBindResponse, 0, "")))
			}
		}
	})))
	for range 3 {
		if _, err := login(t, d, "alice", userPassword); err != nil {
			t.Fatal(err)
		}
	}
	if got := asked.Load(); got != 4 {
		t.Errorf("%d binds carried the control, want the service account's and the user's three", got)
	}
}

// TestServiceAccountPolicy holds that the log says what the password policy says of the
// service account, and that a grace login of it keeps people signing in.
func TestServiceAccountPolicy(t *testing.T) {
	for name, c := range map[string]struct {
		code        int
		answer      string
		outage, log string
	}{
		"locked":  {code49, lockedByPolicy, "the directory refuses the service account; it is locked: unlock it in the directory: result code 49 (invalid credentials)", `level=ERROR msg="nobody can sign in"`},
		"expired": {code49, expiredByPolicy, "its password has expired: change it, in the directory and as bind_password: result code 49", `level=ERROR msg="nobody can sign in"`},
		"reset":   {codeSuccess, mustChangeByPolicy, "its password was reset: change it, in the directory and as bind_password: it may bind, and nothing else", `level=ERROR msg="nobody can sign in"`},
		"wrong":   {code49, "\x30\x00", "check bind_dn and bind_password, and whether the account is locked: result code 49", `level=ERROR msg="nobody can sign in"`},
		"grace":   {codeSuccess, threeGraceLogins, "", `level=WARN msg="people can sign in a few times more" account="cn=service,dc=example" error="the password of the service account has expired: change it, in the directory and as bind_password"`},
		"soon":    {codeSuccess, expiresInTenMinutes, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			d, err := ldap.New(config(listen(t, script{
				bind: func(dn, _ string) (int, string) {
					if dn == serviceDN {
						return c.code, ""
					}
					return 0, ""
				},
				answer: func(dn string) []*ber.Packet {
					if dn == serviceDN {
						return []*ber.Packet{control(policyOID, []byte(c.answer))}
					}
					return nil
				},
			}.serve)), connectors.Deps{Name: "directory", Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			_, err = login(t, d, "alice", userPassword)
			if c.outage != "" {
				wantOutage(t, err, c.outage)
			} else if err != nil {
				t.Errorf("error = %v", err)
			}
			if got := log.String(); !strings.Contains(got, c.log) || (c.log == "") != (got == "") {
				t.Errorf("log = %s\nwant %s", got, c.log)
			}
		})
	}
}

// FuzzPasswordPolicy answers a bind with controls that a fuzzer made up: they may
// refuse the account or be an outage, and nothing else.
func FuzzPasswordPolicy(f *testing.F) {
	for _, value := range []string{
		"", "\x30\x00", lockedByPolicy, threeGraceLogins, expiresInTenMinutes, expiresAndMustChange, expiredWithGrace, "\x30\x80", "\xa0\x84\xff\xff\xff\xff",
	} {
		f.Add(policyOID, []byte(value))
	}
	f.Add(netscapeExpiredOID, []byte("0"))
	f.Fuzz(func(t *testing.T, oid string, value []byte) {
		reason, err := ldap.PolicyRefusal(control(oid, value).Bytes())
		if err != nil {
			return
		}
		switch reason {
		case "", connectors.ReasonLocked, connectors.ReasonExpired, connectors.ReasonMustChange, connectors.ReasonGraceLogin, connectors.ReasonRestricted:
		default:
			t.Errorf("reason = %q", reason)
		}
	})
}
