package ldap_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
)

// What an Active Directory has; adGUID is adID's bytes.
const (
	adGUID  = "\x2c\x2a\x71\xac\xc7\x52\x91\x4f\x91\x64\xab\xad\x89\xa1\xce\x0b"
	adID    = "ac712a2c-52c7-4f91-9164-abad89a1ce0b"
	adRoot  = "dc=corp,dc=example"
	adDN    = "CN=Alice Doe,OU=Staff,DC=corp,DC=example"
	inChain = "member:1.2.840.113556.1.4.1941:="
)

// sid is a security identifier of the domain.
func sid(last uint32) string {
	raw := "\x01\x05\x00\x00\x00\x00\x00\x05"
	for _, n := range []uint32{21, 1, 2, 3, last} {
		raw += string(binary.LittleEndian.AppendUint32(nil, n))
	}
	return raw
}

// adAlice is a person of an Active Directory, with more attributes.
func adAlice(more map[string][]string) record {
	r := record{adDN, map[string][]string{
		"sAMAccountName": {"Alice"}, "objectGUID": {adGUID}, "objectSid": {sid(1103)}, "primaryGroupID": {"513"},
		"userAccountControl": {"512"}, "msDS-User-Account-Control-Computed": {"0"}, "accountExpires": {"9223372036854775807"},
	}}
	for name, values := range more {
		r.attributes[name] = values
	}
	return r
}

func adGroup(dn, name string) record {
	return record{dn, map[string][]string{"sAMAccountName": {name}}}
}

// adConfig is the configuration of a few lines that the preset makes one of.
func adConfig(address string) *ldap.Config {
	c := config(address)
	c.Vendor, c.Domain, c.BindDN = "active-directory", "CORP", "service@corp.example"
	c.Users.BaseDN = adRoot
	c.Groups = &ldap.Groups{BaseDN: adRoot}
	return c
}

// TestActiveDirectorySearches holds what is asked of an Active Directory, and that what
// it answers becomes an identity.
func TestActiveDirectorySearches(t *testing.T) {
	const people = "(&(&(objectCategory=person)(objectClass=user))(|(sAMAccountName=alice)))"
	on := true
	var asked []string
	cfg := adConfig(listen(t, script{search: func(base, filter string) ([]record, int) {
		asked = append(asked, base+" "+filter)
		switch {
		case strings.HasPrefix(base, "<SID="):
			return []record{{"CN=Domain Users,CN=Users,DC=corp,DC=example", nil}}, 0
		case filter == people:
			return []record{adAlice(nil)}, 0
		}
		return []record{adGroup("CN=Domain Users,CN=Users,DC=corp,DC=example", "Domain Users"), adGroup("CN=x,DC=corp,DC=example", "Platform")}, 0
	}}.serve))
	cfg.Groups.InChain = &on
	id, err := login(t, open(t, cfg), "alice", userPassword)
	if err != nil || id.ID != adID || id.Username != "alice" || !slices.Equal(id.Groups, []string{"domain users", "platform"}) {
		t.Errorf("identity %+v, %v", id, err)
	}
	want := []string{
		adRoot + " " + people,
		"<SID=S-1-5-21-1-2-3-513> (objectClass=*)",
		adRoot + " (&(&(objectClass=group)(groupType:1.2.840.113556.1.4.803:=2147483648))(|(" + inChain + adDN + ")(objectSid=" +
			`\01\05\00\00\00\00\00\05\15\00\00\00\01\00\00\00\02\00\00\00\03\00\00\00\01\02\00\00` + ")(" + inChain + "CN=Domain Users,CN=Users,DC=corp,DC=example)))",
	}
	if !slices.Equal(normalized(asked), normalized(want)) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(normalized(asked), "\n"), strings.Join(normalized(want), "\n"))
	}
}

// TestTokenGroups holds that the groups of an Active Directory are those that it lists
// itself, as far as they are where groups are.
func TestTokenGroups(t *testing.T) {
	var asked []string
	serve := func(tokens ...string) *ldap.Config {
		asked = nil
		return adConfig(listen(t, script{search: func(base, filter string) ([]record, int) {
			asked = append(asked, base+" "+filter)
			switch {
			case base == adDN:
				return []record{{adDN, map[string][]string{"tokenGroups": tokens}}}, 0
			case strings.Contains(filter, "person"):
				return []record{adAlice(nil)}, 0
			}
			return []record{adGroup("CN=x,DC=corp,DC=example", "Platform")}, 0
		}}.serve))
	}
	id, err := login(t, open(t, serve(sid(513), sid(1200))), "alice", userPassword)
	if err != nil || !slices.Equal(id.Groups, []string{"platform"}) {
		t.Errorf("groups %q, %v", id.Groups, err)
	}
	want := []string{
		adDN + " (objectClass=*)",
		adRoot + " (&(&(objectClass=group)(groupType:1.2.840.113556.1.4.803:=2147483648))(|(objectSid=" + sid(513) + ")(objectSid=" + sid(1200) + ")))",
	}
	if got := normalized(asked[1:]); !slices.Equal(got, normalized(want)) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(normalized(want), "\n"))
	}
	_, err = login(t, open(t, serve()), "alice", userPassword)
	if err == nil || errors.Is(err, connectors.ErrRejected) || !strings.Contains(err.Error(), "shows no tokenGroups, which everybody has: let the account that searches read it") {
		t.Errorf("a list that is hidden: %v", err)
	}
	many := make([]string, 5001)
	for i := range many {
		many[i] = sid(uint32(i))
	}
	if _, err = login(t, open(t, serve(many...)), "alice", userPassword); err == nil || errors.Is(err, connectors.ErrRejected) || !strings.Contains(err.Error(), "more than 5000 groups") {
		t.Errorf("too many: %v", err)
	}
}

// TestTokenGroupsInRanges holds that a list which comes in parts is read to its end.
func TestTokenGroupsInRanges(t *testing.T) {
	var asked []string
	cfg := adConfig(listen(t, script{asks: func(names []string) { asked = names }, search: func(base, filter string) ([]record, int) {
		switch {
		case base == adDN && slices.Contains(asked, "tokenGroups;range=1-*"):
			return []record{{adDN, map[string][]string{"tokenGroups;range=1-*": {sid(1200)}}}}, 0
		case base == adDN:
			return []record{{adDN, map[string][]string{"tokenGroups;range=0-0": {sid(513)}}}}, 0
		case strings.Contains(filter, "person"):
			return []record{adAlice(nil)}, 0
		case normalized([]string{filter})[0] != normalized([]string{"(&(&(objectClass=group)(groupType:1.2.840.113556.1.4.803:=2147483648))(|(objectSid=" + sid(513) + ")(objectSid=" + sid(1200) + ")))"})[0]:
			t.Errorf("searched for %s", filter)
		}
		return []record{adGroup("CN=x,DC=corp,DC=example", "Platform")}, 0
	}}.serve))
	if id, err := login(t, open(t, cfg), "alice", userPassword); err != nil || !slices.Equal(id.Groups, []string{"platform"}) {
		t.Errorf("groups %q, %v", id.Groups, err)
	}
}

// TestTokenGroupsFail holds that a list, or groups on it, which cannot be read are an outage:
// those that are missing could be ones that rules deny by.
func TestTokenGroupsFail(t *testing.T) {
	const busy = 51
	list := func(name string) []record {
		return []record{{adDN, map[string][]string{name: {sid(513)}}}}
	}
	for name, c := range map[string]struct {
		list   func(again bool) ([]record, int)
		groups int
		want   string
	}{
		"the list":  {func(bool) ([]record, int) { return nil, busy }, 0, "(busy)"},
		"the entry": {func(bool) ([]record, int) { return nil, 0 }, 0, "cannot be read again"},
		"the list's end": {func(again bool) ([]record, int) {
			if again {
				return nil, busy
			}
			return list("tokenGroups;range=0-0"), 0
		}, 0, "(busy)"},
		"the groups": {func(bool) ([]record, int) { return list("tokenGroups"), 0 }, busy, "(busy)"},
	} {
		t.Run(name, func(t *testing.T) {
			read := false
			cfg := adConfig(listen(t, script{search: func(base, filter string) ([]record, int) {
				switch {
				case base == adDN:
					again := read
					read = true
					return c.list(again)
				case strings.Contains(filter, "person"):
					return []record{adAlice(nil)}, 0
				}
				return nil, c.groups
			}}.serve))
			id, err := login(t, open(t, cfg), "alice", userPassword)
			if err == nil || errors.Is(err, connectors.ErrRejected) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("groups %q, error %v, want an outage with %q", id.Groups, err, c.want)
			}
		})
	}
}

// TestNamesThatAreNone holds that an operator is told of names which are no user names: of
// one's who tries, and of how many there are.
func TestNamesThatAreNone(t *testing.T) {
	serve := func(names ...string) *ldap.Config {
		cfg := adConfig(listen(t, script{search: func(string, string) ([]record, int) {
			var all []record
			for i, name := range names {
				found := adAlice(map[string][]string{"sAMAccountName": {name}, "userPrincipalName": {"x@corp.example"}})
				found.dn = fmt.Sprintf("CN=%d,%s", i, adRoot)
				all = append(all, found)
			}
			return all, 0
		}}.serve))
		cfg.Groups = nil
		return cfg
	}
	ctx, steps := traced(t)
	if _, err := open(t, serve("john doe")).Locate(ctx, "john.doe@corp.example"); !errors.Is(err, connectors.ErrRejected) {
		t.Errorf("error = %v", err)
	}
	if last := (*steps)[len(*steps)-1]; !strings.Contains(last.Detail, `CN=0,dc=corp,dc=example: sAMAccountName is "john doe", which is not a user name: want `) {
		t.Errorf("the last step is %+v", last)
	}
	ctx, steps = traced(t)
	if err := open(t, serve("alice", "john doe", "a b", "bob")).Probe(ctx); err != nil {
		t.Error(err)
	}
	i := slices.IndexFunc(*steps, func(s connectors.Step) bool { return s.Name == "users sAMAccountName" })
	if i < 0 || !strings.Contains((*steps)[i].Fix, "2 of these cannot log in: what they have there is not a user name") || !strings.Contains((*steps)[i].Fix, "as that of CN=1,dc=corp,dc=example") {
		t.Errorf("the steps are %+v", *steps)
	}
}

// normalized writes escapes in one way: that of a decompiled filter leaves some out.
func normalized(list []string) []string {
	var all []string
	for _, s := range list {
		var b strings.Builder
		for i := 0; i < len(s); i++ {
			var c byte
			if n, _ := fmt.Sscanf(s[i:min(i+3, len(s))], `\%02x`, &c); n == 1 {
				b.WriteByte(c)
				i += 2
				continue
			}
			b.WriteByte(s[i])
		}
		all = append(all, fmt.Sprintf("%q", b.String()))
	}
	return all
}

// TestActiveDirectoryGroups holds which groups of an Active Directory are looked for, by
// configuration and entry.
func TestActiveDirectoryGroups(t *testing.T) {
	on, off := true, false
	for name, c := range map[string]struct {
		edit    func(*ldap.Config)
		more    map[string][]string
		noGroup bool // there is none of the primary group's identifier
		bases   int  // searches for that group by its identifier
		primary bool // that it is asked for
		outage  string
	}{
		"in chain":                {bases: 1, primary: true},
		"one after the other":     {edit: func(c *ldap.Config) { c.Groups.Nested = true }, bases: 1, primary: true},
		"direct ones":             {edit: func(c *ldap.Config) { c.Groups.InChain = &off }, primary: true},
		"none of them primary":    {edit: func(c *ldap.Config) { c.Groups.Nested, c.Groups.PrimaryAttribute = true, "none" }},
		"from memberOf":           {edit: func(c *ldap.Config) { c.Groups.FromAttribute = "memberOf" }},
		"no primary group":        {more: map[string][]string{"primaryGroupID": nil}},
		"no number":               {more: map[string][]string{"primaryGroupID": {"x"}}, outage: `the primaryGroupID "x" is no number`},
		"no identifier":           {more: map[string][]string{"objectSid": nil}, outage: "has a primaryGroupID and no objectSid"},
		"an identifier cut short": {more: map[string][]string{"objectSid": {sid(1)[:20]}}, outage: "the objectSid is none"},
		"an empty identifier":     {more: map[string][]string{"objectSid": {""}}, outage: "the objectSid is none"},
		"a primary group hidden":  {noGroup: true, bases: 1, outage: "the user's primary group, <SID=S-1-5-21-1-2-3-513>, cannot be seen"},
	} {
		t.Run(name, func(t *testing.T) {
			bases, primary := 0, false
			cfg := adConfig(listen(t, script{search: func(base, filter string) ([]record, int) {
				switch {
				case strings.HasPrefix(base, "<SID="):
					if bases++; c.noGroup {
						return nil, 0
					}
					return []record{{"CN=Domain Users,CN=Users,DC=corp,DC=example", nil}}, 0
				case strings.Contains(filter, "person"):
					return []record{adAlice(c.more)}, 0
				}
				primary = primary || strings.Contains(filter, "objectSid=")
				return nil, 0
			}}.serve))
			if c.edit == nil {
				cfg.Groups.InChain = &on
			} else {
				c.edit(cfg)
			}
			_, err := login(t, open(t, cfg), "alice", userPassword)
			if c.outage != "" {
				if errors.Is(err, connectors.ErrRejected) || err == nil || !strings.Contains(err.Error(), c.outage) {
					t.Errorf("error = %v, want an outage with %q", err, c.outage)
				}
			} else if err != nil {
				t.Error(err)
			}
			if bases != c.bases || primary != c.primary {
				t.Errorf("%d searches by identifier, asked for the primary group: %v", bases, primary)
			}
		})
	}
}

// TestResolveByGUID holds that an account is found by the identifier that it was given.
func TestResolveByGUID(t *testing.T) {
	var asked []string
	cfg := adConfig(listen(t, script{search: func(_, filter string) ([]record, int) {
		asked = append(asked, filter)
		return []record{adAlice(nil)}, 0
	}}.serve))
	cfg.Groups = nil
	d := open(t, cfg)
	if id, err := d.Resolve(t.Context(), adID); err != nil || id.ID != adID || id.Username != "alice" {
		t.Errorf("Resolve() = %+v, %v", id, err)
	}
	if want := "(&(&(objectCategory=person)(objectClass=user))(|(objectGUID=" + adGUID + ")))"; normalized(asked[:1])[0] != fmt.Sprintf("%q", want) {
		t.Errorf("asked for %q", asked)
	}
	asked = nil
	for _, id := range []string{"", strings.ToUpper(adID), "{" + adID + "}", strings.ReplaceAll(adID, "-", ""), adID[1:], adID + "0", "alice", adGUID, "*"} {
		if _, err := d.Resolve(t.Context(), id); !errors.Is(err, connectors.ErrGone) {
			t.Errorf("Resolve(%q): %v", id, err)
		}
	}
	if len(asked) > 0 {
		t.Errorf("what is no identifier was asked for: %q", asked)
	}
}

// TestGUIDsOfAnotherLength fails where id_attribute holds what objectGUID does not.
func TestGUIDsOfAnotherLength(t *testing.T) {
	cfg := adConfig(listen(t, script{search: func(string, string) ([]record, int) {
		return []record{adAlice(map[string][]string{"objectGUID": {"short"}})}, 0
	}}.serve))
	if _, err := open(t, cfg).Locate(t.Context(), "alice"); err == nil || !strings.Contains(err.Error(), "has a objectGUID that is not text: check id_attribute") {
		t.Errorf("error = %v", err)
	}
}

// TestResolveByAccountControl looks up entries with what Active Directory, 389 Directory
// Server and FreeIPA note in them; what they mean to a bind is tested with the first two.
func TestResolveByAccountControl(t *testing.T) {
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format("20060102150405Z") }
	ticks := func(d time.Duration) string {
		return fmt.Sprint((time.Now().Add(d).Unix() + 11644473600) * 10000000)
	}
	type entry = map[string][]string
	const uac, computed, expires = "userAccountControl", "msDS-User-Account-Control-Computed", "accountExpires"
	for name, c := range map[string]struct {
		disabled string
		entry    entry
		gone     string
		outage   string
	}{
		"a normal account":      {disabled: "active-directory"},
		"disabled":              {disabled: "active-directory", entry: entry{uac: {"514"}}, gone: "disabled (userAccountControl)"},
		"other flags":           {disabled: "active-directory", entry: entry{uac: {"66048"}}},
		"locked":                {disabled: "active-directory", entry: entry{computed: {"16"}}}, // which anybody can bring about
		"locked, and old":       {disabled: "active-directory", entry: entry{computed: {"8388624"}}, gone: "the password has expired, or is to be changed"},
		"locked, only noted":    {disabled: "active-directory", entry: entry{uac: {"528"}}}, // of which Active Directory takes no notice
		"an old password":       {disabled: "active-directory", entry: entry{computed: {"8388608"}}, gone: "the password has expired, or is to be changed"},
		"expired":               {disabled: "active-directory", entry: entry{expires: {ticks(-time.Hour)}}, gone: "the account has expired (accountExpires)"},
		"expires later":         {disabled: "active-directory", entry: entry{expires: {ticks(time.Hour)}}},
		"never, as a zero":      {disabled: "active-directory", entry: entry{expires: {"0"}}},
		"never, unsaid":         {disabled: "active-directory", entry: entry{expires: nil}},
		"no time":               {disabled: "active-directory", entry: entry{expires: {"soon"}}, outage: `the accountExpires "soon", which is no time`},
		"a negative time":       {disabled: "active-directory", entry: entry{expires: {"-1"}}, outage: `the accountExpires "-1", which is no time`},
		"no number":             {disabled: "active-directory", entry: entry{uac: {"x"}}, outage: `the userAccountControl "x", which is no number`},
		"flags that are hidden": {disabled: "active-directory", entry: entry{uac: nil}, outage: "shows no userAccountControl, so that whether it is disabled cannot be told: let the service account read it"},
		"flags not computed":    {disabled: "active-directory", entry: entry{computed: nil}, outage: "shows no msDS-User-Account-Control-Computed"},
		"nothing counts":        {disabled: "none", entry: entry{uac: {"514"}}},
		"389":                   {disabled: "389ds"},
		"389, locked":           {disabled: "389ds", entry: entry{"nsAccountLock": {"true"}}, gone: "disabled (nsAccountLock)"},
		"389, not locked":       {disabled: "389ds", entry: entry{"nsAccountLock": {"FALSE"}}},
		"389, for a while":      {disabled: "389ds", entry: entry{"accountUnlockTime": {at(time.Hour)}}},
		"389, and switched off": {disabled: "389ds", entry: entry{"accountUnlockTime": {at(time.Hour)}, "nsAccountLock": {"true"}}, gone: "disabled (nsAccountLock)"},
		"389, no longer":        {disabled: "389ds", entry: entry{"accountUnlockTime": {at(-time.Hour)}}},
		"389, without an end":   {disabled: "389ds", entry: entry{"accountUnlockTime": {"19700101000000Z"}}},
		"389, an old password":  {disabled: "389ds", entry: entry{"passwordExpirationTime": {at(-time.Hour)}}, gone: "the password has expired (passwordExpirationTime)"},
		"389, a password yet":   {disabled: "389ds", entry: entry{"passwordExpirationTime": {at(time.Hour)}}},
		"389, a new password":   {disabled: "389ds", entry: entry{"passwordExpirationTime": {"19700101000000Z"}}, gone: "the password is to be changed"},
		"389, a reset":          {disabled: "389ds", entry: entry{"pwdReset": {"TRUE"}}, gone: "the password is to be changed"},
		"FreeIPA, a password":   {disabled: "389ds", entry: entry{"krbPasswordExpiration": {at(-time.Hour)}}, gone: "the password has expired, or is to be changed (krbPasswordExpiration)"},
		"FreeIPA, a good one":   {disabled: "389ds", entry: entry{"krbPasswordExpiration": {at(time.Hour)}}},
		"389, no time":          {disabled: "389ds", entry: entry{"accountUnlockTime": {"x"}}, outage: `the accountUnlockTime "x", which is no time`},
		"FreeIPA, expired":      {disabled: "389ds", entry: entry{"krbPrincipalExpiration": {at(-time.Hour)}}, gone: "the account has expired (krbPrincipalExpiration)"},
		"FreeIPA, not yet":      {disabled: "389ds", entry: entry{"krbPrincipalExpiration": {at(time.Hour)}}},
		"FreeIPA, no time":      {disabled: "389ds", entry: entry{"krbPrincipalExpiration": {"x"}}, outage: `the krbPrincipalExpiration "x", which is no time`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := adConfig(listen(t, script{search: func(string, string) ([]record, int) { return []record{adAlice(c.entry)}, 0 }}.serve))
			cfg.Groups, cfg.Users.Disabled = nil, c.disabled
			id, err := open(t, cfg).Resolve(t.Context(), adID)
			switch {
			case c.gone != "" && (!errors.Is(err, connectors.ErrGone) || !strings.Contains(err.Error(), c.gone)):
				t.Errorf("error = %v, want gone: %s", err, c.gone)
			case c.outage != "" && (err == nil || errors.Is(err, connectors.ErrGone) || !strings.Contains(err.Error(), c.outage)):
				t.Errorf("error = %v, want an outage: %s", err, c.outage)
			case c.gone == "" && c.outage == "" && (err != nil || id.Username != "alice"):
				t.Errorf("%+v, %v", id, err)
			}
		})
	}
}

// subcode is what Active Directory says beside a result 49.
func subcode(code string) string {
	return "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data " + code + ", v4563\x00"
}

func TestSubcodes(t *testing.T) {
	for words, want := range map[string]connectors.Reason{
		subcode("52e"):  connectors.ReasonWrongPassword,
		subcode("525"):  connectors.ReasonUnknown,
		subcode("52f"):  connectors.ReasonRestricted,
		subcode("530"):  connectors.ReasonRestricted,
		subcode("531"):  connectors.ReasonRestricted,
		subcode("568"):  connectors.ReasonRestricted,
		subcode("569"):  connectors.ReasonRestricted,
		subcode("532"):  connectors.ReasonExpired,
		subcode("533"):  connectors.ReasonDisabled,
		subcode("701"):  connectors.ReasonAccountExpired,
		subcode("773"):  connectors.ReasonMustChange,
		subcode("775"):  connectors.ReasonLocked,
		subcode("57"):   connectors.ReasonWrongPassword,
		subcode(""):     connectors.ReasonWrongPassword,
		subcode("533x"): connectors.ReasonWrongPassword,
		"data 533,":     connectors.ReasonWrongPassword, // another directory's words
		"comment: AcceptSecurityContext error, data 533": connectors.ReasonWrongPassword,
		"": connectors.ReasonWrongPassword,
	} {
		cfg := config(listen(t, script{bind: func(dn, _ string) (int, string) {
			if dn == serviceDN {
				return 0, ""
			}
			return 49, words
		}}.serve))
		_, err := login(t, open(t, cfg), "alice", userPassword)
		var r *connectors.Rejection
		if !errors.As(err, &r) || r.Reason != want {
			t.Errorf("%q: error = %v, want a rejection for %s", words, err, want)
		}
	}
}

// TestSubcodesOfOtherResults holds that a sub-code counts beside a result 49 alone.
func TestSubcodesOfOtherResults(t *testing.T) {
	cfg := config(listen(t, script{bind: func(dn, _ string) (int, string) {
		if dn == serviceDN {
			return 0, ""
		}
		return 51, subcode("533")
	}}.serve))
	if _, err := login(t, open(t, cfg), "alice", userPassword); err == nil || errors.Is(err, connectors.ErrRejected) {
		t.Errorf("error = %v, want an outage", err)
	}
	cfg = config(listen(t, script{bind: func(string, string) (int, string) { return 53, subcode("533") }}.serve))
	if _, err := open(t, cfg).Locate(t.Context(), "alice"); err == nil || strings.Contains(err.Error(), "it is disabled") {
		t.Errorf("of the service account: %v", err)
	}
}

// TestNoLogonServers asks another server where a read-only one reaches none.
func TestNoLogonServers(t *testing.T) {
	away := func(dn, _ string) (int, string) {
		if dn == serviceDN {
			return 0, ""
		}
		return 49, subcode("51f")
	}
	cfg := config(listen(t, script{bind: away}.serve))
	if _, err := login(t, open(t, cfg), "alice", userPassword); err == nil || errors.Is(err, connectors.ErrRejected) {
		t.Errorf("error = %v, want an outage", err)
	}
	cfg.URL = append(cfg.URL, listen(t, script{}.serve))
	if _, err := login(t, open(t, cfg), "alice", userPassword); err != nil {
		t.Errorf("a second server: %v", err)
	}
}

// TestServiceSubcodes holds what an operator is told whose service account an Active
// Directory refuses.
func TestServiceSubcodes(t *testing.T) {
	for code, want := range map[string]string{
		"52e": "check bind_password, and that bind_dn is the DN or the user principal name of a user",
		"525": "check bind_dn and bind_password",
		"530": "its hours or workstations, or a policy, keep it from signing in here",
		"532": "its password has expired: change it",
		"533": "it is disabled: enable it",
		"701": "it has expired: extend it",
		"773": "its password was reset: change it",
		"775": "it is locked: unlock it",
		"51f": "signing in as the service account: result code 49",
	} {
		cfg := adConfig(listen(t, script{bind: func(string, string) (int, string) { return 49, subcode(code) }}.serve))
		_, err := open(t, cfg).Locate(t.Context(), "alice")
		if err == nil || errors.Is(err, connectors.ErrRejected) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), servicePassword) {
			t.Errorf("%s: error = %v, want an outage with %q", code, err, want)
		}
	}
}

// TestHousekeepingReferences holds that references to parts of Active Directory which hold
// no groups of people keep nobody out, and others do.
func TestHousekeepingReferences(t *testing.T) {
	for to, fine := range map[string]bool{
		"ldap://ForestDnsZones.corp.example/DC=ForestDnsZones,DC=corp,DC=example": true,
		"ldap://DomainDnsZones.corp.example/DC=DomainDnsZones,DC=corp,DC=example": true,
		"ldap://corp.example/CN=Configuration,DC=corp,DC=example":                 true,
		"ldaps://corp.example/cn=configuration,dc=corp,dc=example":                true,
		"ldap://corp.example/CN%3DConfiguration,DC=corp,DC=example":               true,
		"ldap://child.corp.example/DC=child,DC=corp,DC=example":                   false,
		"ldap://corp.example/OU=Configuration,DC=corp,DC=example":                 false,
		"ldap://corp.example/CN=Groups,CN=Configuration,DC=corp,DC=example":       false,
		"ldap://corp.example/CN=Configuration+OU=x,DC=corp,DC=example":            false,
		"ldap://corp.example/": false,
		"ldap://%":             false,
		"":                     false,
	} {
		cfg := adConfig(listen(t, script{refers: adRoot, to: to, search: func(_, filter string) ([]record, int) {
			if strings.Contains(filter, "person") {
				return []record{adAlice(map[string][]string{"primaryGroupID": nil})}, 0
			}
			return []record{adGroup("CN=x,DC=corp,DC=example", "Platform")}, 0
		}}.serve))
		cfg.Groups.Nested = true
		id, err := login(t, open(t, cfg), "alice", userPassword)
		if fine && (err != nil || !slices.Equal(id.Groups, []string{"platform"})) || !fine && (err == nil || errors.Is(err, connectors.ErrRejected)) {
			t.Errorf("a reference to %q: %+v, %v", to, id.Groups, err)
		}
	}
}

// TestNULInAPassword holds that no directory sees one, since some read no further.
func TestNULInAPassword(t *testing.T) {
	asked := false
	server := script{bind: func(dn, _ string) (int, string) {
		asked = asked || dn != serviceDN
		return 0, ""
	}}
	d := open(t, config(listen(t, server.serve)))
	_, err := login(t, d, "alice", userPassword+"\x00")
	var r *connectors.Rejection
	if !errors.As(err, &r) || r.Reason != connectors.ReasonWrongPassword || asked {
		t.Errorf("searched: error = %v, bound %v", err, asked)
	}
	template, err := ldap.NewTemplate(templateConfig(listen(t, server.serve)), deps())
	if err != nil {
		t.Fatal(err)
	}
	defer template.Close()
	_, err = template.Verify(t.Context(), connectors.Account{Username: "alice"}, secret("a\x00b"))
	if !errors.As(err, &r) || r.Reason != connectors.ReasonWrongPassword || asked {
		t.Errorf("by template: error = %v, bound %v", err, asked)
	}
}

// TestChainsThatTakeLong holds that an operator is told what to do about a directory which
// does not follow chains of groups in time.
func TestChainsThatTakeLong(t *testing.T) {
	t.Parallel()
	on, end := true, make(chan struct{})
	cfg := adConfig(listen(t, script{search: func(_, filter string) ([]record, int) {
		if strings.Contains(filter, inChain) {
			<-end
		}
		return []record{adAlice(map[string][]string{"primaryGroupID": nil})}, 0
	}}.serve))
	defer close(end)
	cfg.Groups.InChain = &on
	_, err := login(t, open(t, cfg), "alice", userPassword)
	if err == nil || !errors.Is(err, ldap.ErrNoAnswer) || !strings.Contains(err.Error(), "have it list them itself, by groups.from_attribute: tokenGroups; narrow groups.base_dn; or set groups.nested: true in place of in_chain, which goes through groups below base_dn alone") {
		t.Errorf("error = %v", err)
	}
}

// FuzzActiveDirectory feeds what a directory may send to all that reads it.
func FuzzActiveDirectory(f *testing.F) {
	for _, seed := range []string{adID, adGUID, sid(513), "513", "range=0-1499", "range=1500-*", "range=-1-0", "range=9-1", "range=0-99999999999"} {
		f.Add(seed, "513")
	}
	f.Fuzz(func(t *testing.T, text, number string) {
		if raw, ok := ldap.ParseGUID(text); ok {
			if again, ok := ldap.FormatGUID(raw); !ok || again != text {
				t.Errorf("%q is read as %q, which is %q", text, raw, again)
			}
		}
		if id, ok := ldap.FormatGUID(text); ok {
			if raw, ok := ldap.ParseGUID(id); !ok || raw != text {
				t.Errorf("%q is written as %q, which is %q", text, id, raw)
			}
		}
		if group, err := ldap.PrimaryGroup(text, number); err == nil && !strings.HasPrefix(group, "S-1-") {
			t.Errorf("%q and %q make %q", text, number, group)
		}
		if ranged, last, next := ldap.ParseRange(text); next < 0 || last && next != 0 || !ranged && (last || next != 0) {
			t.Errorf("%q: %v, %v, %d", text, ranged, last, next)
		}
	})
}
