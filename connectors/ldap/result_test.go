package ldap_test

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// codes are all result codes of the registry (RFC 4520 §3.8), those between and
// some beyond them.
func codes() []int {
	var list []int
	for code := 1; code <= 130; code++ {
		list = append(list, code)
	}
	return append(list, 199, 208, 4096, 16654, 65535)
}

// TestBindResults sorts every result code of a user's bind.
func TestBindResults(t *testing.T) {
	rejections := map[int]connectors.Reason{
		19: connectors.ReasonRestricted, // constraintViolation
		32: connectors.ReasonUnknown,    // noSuchObject
		34: connectors.ReasonUnknown,    // invalidDNSyntax
		48: connectors.ReasonRestricted, // inappropriateAuthentication
		49: connectors.ReasonWrongPassword,
		50: connectors.ReasonRestricted, // insufficientAccessRights
		53: connectors.ReasonRestricted, // unwillingToPerform
	}
	var answer atomic.Int64
	d := open(t, config(listen(t, script{bind: func(dn, password string) (int, string) {
		if dn == serviceDN {
			return 0, ""
		}
		return int(answer.Load()), "not with " + password
	}}.serve)))
	for _, code := range codes() {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			answer.Store(int64(code))
			_, err := login(t, d, "alice", userPassword)
			if reason, ok := rejections[code]; ok {
				if want := connectors.Reject(reason); !reflect.DeepEqual(err, want) {
					t.Errorf("error = %v, want %v", err, want)
				}
				return
			}
			wantOutage(t, err, fmt.Sprintf("checking the password: result code %d (", code))
			wantMark(t, err, code == 51 || code == 52) // busy, unavailable
		})
	}
}

// TestSearchResults holds that no result code of a search says anything about the
// user: not even that there is none.
func TestSearchResults(t *testing.T) {
	var answer atomic.Int64
	d := open(t, config(listen(t, script{search: func(string, string) ([]record, int) {
		return []record{alice()}, int(answer.Load())
	}}.serve)))
	for _, code := range codes() {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			answer.Store(int64(code))
			want := fmt.Sprintf("searching for the user: result code %d (", code)
			_, err := d.Locate(t.Context(), "alice")
			wantOutage(t, err, want)
			wantMark(t, err, code == 51 || code == 52)
			_, err = d.Resolve(t.Context(), "1")
			wantOutage(t, err, want)
			wantMark(t, err, code == 51 || code == 52)
		})
	}
}

func TestSearchAdvice(t *testing.T) {
	for code, want := range map[int]string{
		3:  "(time limit exceeded): the directory's limits for the service account are too low, or an index is missing",
		4:  "(size limit exceeded): the directory's limits for the service account are too low, or an index is missing; in slapd.conf: limits dn.exact=\"BIND_DN\" size.prtotal=unlimited",
		10: "(referral): referrals are not followed; point url at the server that holds the entries",
		11: "(admin limit exceeded): the directory's limits for the service account are too low, or an index is missing; in slapd.conf: limits dn.exact=\"BIND_DN\" size.prtotal=unlimited",
		32: "(no such object): the base_dn does not exist, or the service account may not see it",
		50: "(insufficient access rights): the service account may not search here",
		51: "(busy)",
	} {
		d := open(t, config(listen(t, script{search: func(string, string) ([]record, int) { return nil, code }}.serve)))
		_, err := d.Locate(t.Context(), "alice")
		if want := fmt.Sprintf("searching for the user: result code %d %s", code, want); text(err) != want {
			t.Errorf("error = %v\nwant %s", err, want)
		}
	}
}

// TestResultsOfTheLibrary holds that a directory cannot pass for the library.
func TestResultsOfTheLibrary(t *testing.T) {
	var answer atomic.Int64
	d := open(t, config(listen(t, script{bind: func(dn, password string) (int, string) {
		if dn == serviceDN {
			return 0, ""
		}
		return int(answer.Load()), "not with " + password
	}}.serve)))
	for code := 200; code <= 207; code++ {
		answer.Store(int64(code))
		_, err := login(t, d, "alice", userPassword)
		wantOutage(t, err, "checking the password: the directory's answer makes no sense")
	}
}

// refusals is what to do about those of the service account that speak of more than its
// password.
func refusals() map[int]string {
	const encrypt = "it wants an encrypted connection; use ldaps:// or start_tls: true"
	return map[int]string{
		7: "it does not take simple binds", 8: encrypt, 13: encrypt,
		10: "referrals are not followed; point url at the server that holds the entries",
		49: "check bind_dn and bind_password, and whether the account is locked",
	}
}

// TestServiceAccountRefused holds that no result code of the service account's bind
// counts as a failed login, and that the log says what to do where the account is
// refused, but not at length.
func TestServiceAccountRefused(t *testing.T) {
	for _, code := range codes() {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			var log bytes.Buffer
			url := listen(t, script{bind: func(_, password string) (int, string) { return code, "not with " + password }}.serve)
			d, err := ldap.New(config(url), connectors.Deps{Name: "directory", Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			want, logs := "the directory refuses the service account; "+cmp.Or(refusals()[code], "check bind_dn and bind_password"), 1
			if slices.Contains([]int{51, 52, 80}, code) {
				want, logs = "signing in as the service account", 0
			}
			for range 3 {
				_, err := d.Locate(t.Context(), "alice")
				wantOutage(t, err, fmt.Sprintf("%s: result code %d (", want, code))
			}
			line := `level=ERROR msg="nobody can sign in" account="cn=service,dc=example" error="` + want
			if got := log.String(); strings.Count(got, "\n") != logs || strings.Count(got, line) != logs || strings.Contains(got, servicePassword) {
				t.Errorf("log = %s\nwant %d of %s", got, logs, line)
			}
		})
	}
}

func TestResultTexts(t *testing.T) {
	for name, c := range map[string]struct {
		code  int
		words string
		want  string
	}{
		"no words":     {51, "", `result code 51 (busy)`},
		"words":        {52, "shutting down", `result code 52 (unavailable) "shutting down"`},
		"unknown code": {4242, "", `result code 4242 ()`},
		"newlines":     {80, "a\r\nlevel=INFO \x1b[31mb", `result code 80 (other) "alevel=INFO [31mb"`},
		"long words":   {80, strings.Repeat("é", 1000), `result code 80 (other) "` + strings.Repeat("é", 200) + `"`},
		"a secret":     {80, "got " + servicePassword, `result code 80 (other)`},
		"encryption":   {13, "", `result code 13 (confidentiality required)`},
		"strong auth":  {8, "", `result code 8 (strong auth required)`},
		"referral":     {10, "", `result code 10 (referral)`},
		"method":       {7, "", `result code 7 (auth method not supported)`},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, config(listen(t, script{bind: func(string, string) (int, string) { return c.code, c.words }}.serve)))
			_, err := d.Locate(t.Context(), "alice")
			want := "searching for the user: the directory refuses the service account; " + cmp.Or(refusals()[c.code], "check bind_dn and bind_password") + ": " + c.want
			if slices.Contains([]int{51, 52, 80}, c.code) {
				want = "searching for the user: signing in as the service account: " + c.want
			}
			if text(err) != want {
				t.Errorf("error = %v\nwant %s", err, want)
			}
		})
	}
}
