package oidc_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/oidc"
)

func reasonOf(err error) (connectors.Reason, bool) {
	var r *connectors.Rejection
	if errors.As(err, &r) {
		return r.Reason, true
	}
	return "", errors.Is(err, connectors.ErrRejected) || errors.Is(err, connectors.ErrNotMine)
}

func TestLogin(t *testing.T) {
	p := newProvider(t)
	p.claims = map[string]any{"groups": []string{"/platform/oncall", "platform", "/Auditors"}}
	id := p.connect(withGroups("groups")).mustLogin(t)
	if id.ID != p.issuer()+"#0815" || id.Username != "alice" || id.Connector != "sso" || id.Via != "sso" || id.Kind != connectors.Person || !id.Ceiling.IsUnlimited() {
		t.Errorf("identity %+v", id)
	}
	if want := []string{"Auditors", "platform", "platform/oncall"}; !slices.Equal(id.Groups, want) {
		t.Errorf("groups %q, want %q", id.Groups, want)
	}
}

// TestClientAuthentication looks at what reaches the provider: the password once, and
// the secret in the way that is configured and in no other.
func TestClientAuthentication(t *testing.T) {
	for _, tt := range []struct {
		auth           string
		secret         string
		basic          string // the user name and password of the header, as sent
		formID, formPW string
	}{
		{"basic", clientSecret, url.QueryEscape(clientID) + " " + url.QueryEscape(clientSecret), "", ""},
		{"post", clientSecret, "", clientID, clientSecret},
		{"none", "", "", clientID, ""},
	} {
		for _, password := range []string{goodPassword, "a wrong one"} {
			t.Run(tt.auth+" "+password, func(t *testing.T) {
				p := newProvider(t)
				c := p.connect(func(c *oidc.Config) {
					c.ClientAuth, c.ClientSecret = tt.auth, connectors.NewSecret(tt.secret)
					c.Scopes = []string{"openid", "groups"}
				})
				_, err := c.Authenticate(t.Context(), connectors.Credentials{Username: "Alice@corp.example", Password: connectors.NewSecret(password)})
				if reason, _ := reasonOf(err); (err == nil) != (password == goodPassword) || err != nil && reason != connectors.ReasonWrongPassword {
					t.Errorf("error = %v", err)
				}
				if p.count(pathToken) != 1 {
					t.Fatalf("the password was sent %d times, want once", p.count(pathToken))
				}
				p.mu.Lock()
				r := p.grants[0]
				p.mu.Unlock()
				user, secret, _ := r.BasicAuth()
				if got := strings.TrimSpace(user + " " + secret); got != tt.basic {
					t.Errorf("header %q, want %q", got, tt.basic)
				}
				want := url.Values{"grant_type": {"password"}, "username": {"alice@corp.example"}, "password": {password}, "scope": {"openid groups"}}
				if tt.formID != "" {
					want.Set("client_id", tt.formID)
				}
				if tt.formPW != "" {
					want.Set("client_secret", tt.formPW)
				}
				if got := r.PostForm.Encode(); got != want.Encode() {
					t.Errorf("form %s, want %s", got, want.Encode())
				}
				if r.URL.RawQuery != "" || r.Method != http.MethodPost {
					t.Errorf("%s with the query %q", r.Method, r.URL.RawQuery)
				}
			})
		}
	}
}

func TestPasswordsWithNULsAreNotSent(t *testing.T) {
	p := newProvider(t)
	d, err := oidc.New(p.config(), connectors.Deps{Name: "sso"}, oidc.NewAccounts())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for password, want := range map[string]connectors.Reason{
		"": connectors.ReasonEmptyPassword, "\x00": connectors.ReasonEmptyPassword, "\x00\x00": connectors.ReasonEmptyPassword,
		goodPassword + "\x00": connectors.ReasonWrongPassword, "a\x00b": connectors.ReasonWrongPassword,
	} {
		_, err := d.Verify(t.Context(), connectors.Account{Username: "alice"}, connectors.NewSecret(password))
		if reason, _ := reasonOf(err); reason != want {
			t.Errorf("%q: error = %v", password, err)
		}
	}
	if len(p.asked) != 0 {
		t.Errorf("the provider was asked: %v", p.asked)
	}
}

func TestUsernames(t *testing.T) {
	const suffix = "@corp.example"
	for _, tt := range []struct {
		name, path, strip string
		claims, userinfo  map[string]any
		want              string            // empty: refused
		reason            connectors.Reason // why
		outage            string
	}{
		{name: "lower-cased", claims: map[string]any{"preferred_username": "Alice.Adams"}, want: "alice.adams"},
		{name: "another claim", path: "upn", claims: map[string]any{"upn": "alice@Corp.example"}, want: "alice@corp.example"},
		{name: "a path", path: "account.name", claims: map[string]any{"account": map[string]any{"name": "alice"}}, want: "alice"},
		{name: "stripped", strip: suffix, claims: map[string]any{"preferred_username": "Alice@CORP.example"}, want: "alice"},
		{name: "of another domain", strip: suffix, claims: map[string]any{"preferred_username": "alice@partner.example"}, want: "alice@partner.example"},
		{name: "of a domain that ends likewise", strip: suffix, claims: map[string]any{"preferred_username": "alice@notcorp.example"}, want: "alice@notcorp.example"},
		{name: "without a domain", strip: suffix, claims: map[string]any{"preferred_username": "alice"}, reason: connectors.ReasonBadUsername},
		{name: "two domains", strip: suffix, claims: map[string]any{"preferred_username": "alice@partner.example@corp.example"}, reason: connectors.ReasonBadUsername},
		{name: "a domain alone", strip: suffix, claims: map[string]any{"preferred_username": suffix}, reason: connectors.ReasonBadUsername},
		{name: "not a user name", claims: map[string]any{"preferred_username": "alice adams"}, reason: connectors.ReasonBadUsername},
		{name: "fullwidth", claims: map[string]any{"preferred_username": "ａｌｉｃｅ"}, reason: connectors.ReasonBadUsername},
		{name: "a number", claims: map[string]any{"preferred_username": 7}, outage: "the claim preferred_username is a number, not a text"},
		{name: "a list", claims: map[string]any{"preferred_username": []string{"alice"}}, outage: "a list, not a text"},
		{name: "missing", claims: map[string]any{"preferred_username": nil}, outage: "neither the ID token nor the userinfo endpoint gives the claim preferred_username"},
		{name: "empty", claims: map[string]any{"preferred_username": ""}, outage: "neither the ID token nor"},
		{name: "a verified address", path: "email", claims: map[string]any{"email": "a@corp.example", "email_verified": true}, want: "a@corp.example"},
		{name: "a verified address, in words", path: "email", claims: map[string]any{"email": "a@corp.example", "email_verified": "true"}, want: "a@corp.example"},
		{name: "an address of which nothing is said", path: "email", claims: map[string]any{"email": "a@corp.example"}, want: "a@corp.example"},
		{name: "an address that is not verified", path: "email", claims: map[string]any{"email": "a@corp.example", "email_verified": false}, reason: connectors.ReasonRestricted},
		{name: "an address that is not verified, in words", path: "email", claims: map[string]any{"email": "a@corp.example", "email_verified": "false"}, reason: connectors.ReasonRestricted},
		{name: "an address that is not verified, in userinfo", path: "email", claims: map[string]any{"email": "a@corp.example"}, userinfo: map[string]any{"email_verified": false}, reason: connectors.ReasonRestricted},
		{name: "an address that is verified, in userinfo", path: "email", claims: map[string]any{"email": "a@corp.example"}, userinfo: map[string]any{"email_verified": true}, want: "a@corp.example"},
		{name: "an address in userinfo, not verified in the token", path: "email", claims: map[string]any{"email_verified": false}, userinfo: map[string]any{"email": "a@corp.example"}, reason: connectors.ReasonRestricted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider(t)
			p.claims, p.userinfo = tt.claims, tt.userinfo
			c := p.connect(func(c *oidc.Config) {
				c.UsernameStrip = tt.strip
				if tt.path != "" {
					c.UsernameClaim = tt.path
				}
			})
			id, err := c.login(t.Context())
			reason, _ := reasonOf(err)
			switch {
			case tt.outage != "":
				wantOutage(t, err, tt.outage)
			case id.Username != tt.want || reason != tt.reason:
				t.Errorf("user name %q, error %v, want %q, reason %q", id.Username, err, tt.want, tt.reason)
			case tt.reason != "" && !strings.Contains(c.log.String(), "login refused"):
				t.Errorf("the log does not say why: %s", c.log)
			}
		})
	}
}

// TestAliases are the names that nobody else can have: what is the user name, and an address
// that was verified.
func TestAliases(t *testing.T) {
	for name, tt := range map[string]struct {
		path, strip      string
		claims, userinfo map[string]any
		want             []string
	}{
		"no address":                     {want: []string{"alice"}},
		"a verified address":             {claims: map[string]any{"email": "A.Adams@Corp.example", "email_verified": true}, want: []string{"alice", "a.adams@corp.example"}},
		"in words":                       {claims: map[string]any{"email": "a@corp.example", "email_verified": "true"}, want: []string{"alice", "a@corp.example"}},
		"an address that is not":         {claims: map[string]any{"email": "bob@corp.example", "email_verified": false}, want: []string{"alice"}},
		"an address without a word":      {claims: map[string]any{"email": "bob@corp.example"}, want: []string{"alice"}},
		"no user name":                   {claims: map[string]any{"email": "a b@corp.example", "email_verified": true}, want: []string{"alice"}},
		"no text":                        {claims: map[string]any{"email": 7, "email_verified": true}, want: []string{"alice"}},
		"the address is the user name":   {path: "email", claims: map[string]any{"email": "a@corp.example", "email_verified": true}, want: []string{"a@corp.example"}},
		"what is stripped is not typed":  {strip: "@corp.example", claims: map[string]any{"preferred_username": "Alice@corp.example"}, want: []string{"alice@corp.example"}},
		"a name that is not the account": {path: "upn", claims: map[string]any{"upn": "alice@corp.example", "preferred_username": "bob"}, want: []string{"alice@corp.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.claims, p.userinfo = tt.claims, tt.userinfo
			id, err := p.connect(func(c *oidc.Config) {
				c.UsernameStrip = tt.strip
				if tt.path != "" {
					c.UsernameClaim = tt.path
				}
			}).login(t.Context())
			if err != nil || !slices.Equal(id.Aliases, tt.want) {
				t.Errorf("aliases %q, %v, want %q", id.Aliases, err, tt.want)
			}
		})
	}
}

// TestUnicodeUsernames is for realms with unicode_usernames: a claim that would become
// somebody else's name is refused.
func TestUnicodeUsernames(t *testing.T) {
	for claim, want := range map[string]string{"José": "josé", "alice": "alice", "ａlice": "", "Jose\u0301": "", "a\u00a0b": ""} {
		t.Run(claim, func(t *testing.T) {
			p := newProvider(t)
			p.claims = map[string]any{"preferred_username": claim}
			d, err := oidc.New(p.config(), connectors.Deps{Name: "sso", Form: connectors.UnicodeUsernames}, oidc.NewAccounts())
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			id, err := d.Verify(t.Context(), connectors.Account{Username: "x"}, connectors.NewSecret(goodPassword))
			if reason, _ := reasonOf(err); id.Username != want || (want == "") != (reason == connectors.ReasonBadUsername) {
				t.Errorf("user name %q, error %v, want %q", id.Username, err, want)
			}
		})
	}
}

func TestGroups(t *testing.T) {
	type object = map[string]any
	roles := func(names ...string) object { return object{"roles": names} }
	many := make([]string, 5001)
	for i := range many {
		many[i] = "g" + strconv.Itoa(i)
	}
	for _, tt := range []struct {
		name, path string
		required   bool
		claims     object
		userinfo   object
		want       []string
		reason     connectors.Reason
		outage     string
	}{
		{name: "a list", path: "groups", claims: object{"groups": []string{"b", "A", "b"}}, want: []string{"A", "b"}},
		{name: "paths", path: "groups", claims: object{"groups": []string{"/a/b", "a/b", "//c"}}, want: []string{"/c", "a/b"}},
		{name: "realm roles", path: "realm_access.roles", claims: object{"realm_access": roles("x", "y")}, want: []string{"x", "y"}},
		{name: "client roles", path: "resource_access.reg.roles", claims: object{"resource_access": object{"reg": roles("x"), "other": roles("y")}}, want: []string{"x"}},
		{name: "a client with dots", path: "resource_access.reg.corp.example.roles", claims: object{"resource_access": object{"reg.corp.example": roles("x"), "reg": roles("y")}}, want: []string{"x"}},
		{name: "a URL", path: "https://corp.example/groups", claims: object{"https://corp.example/groups": []string{"x"}}, want: []string{"x"}},
		{name: "the whole name first", path: "a.b", claims: object{"a.b": []string{"whole"}, "a": object{"b": []string{"inner"}}}, want: []string{"whole"}},
		{name: "the longest part first", path: "a.b.c", claims: object{"a.b": object{"c": []string{"long"}}, "a": object{"b": object{"c": []string{"short"}}}}, want: []string{"long"}},
		{name: "the longest part leads nowhere", path: "a.b.c", claims: object{"a.b": object{}, "a": object{"b.c": []string{"x"}}}, want: []string{"x"}},
		{name: "an empty list", path: "groups", claims: object{"groups": []string{}}},
		{name: "missing", path: "groups"},
		{name: "missing inside", path: "realm_access.roles", claims: object{"realm_access": object{}}},
		{name: "null", path: "groups", claims: object{"other": 1, "a": object{"groups": nil}}},
		{name: "an empty list, required", path: "groups", required: true, claims: object{"groups": []string{}}},
		{name: "missing, required", path: "groups", required: true, reason: connectors.ReasonGroups},
		{name: "missing, required, in userinfo", path: "groups", required: true, userinfo: object{"groups": []string{"x"}}, want: []string{"x"}},
		{name: "missing, required, in neither", path: "groups", required: true, userinfo: object{}, reason: connectors.ReasonGroups},
		{name: "in both", path: "groups", claims: object{"groups": []string{"token"}}, userinfo: object{"groups": []string{"userinfo"}}, want: []string{"token"}},
		{name: "a text", path: "groups", claims: object{"groups": "platform"}, outage: "the claim groups is a text, not a list"},
		{name: "an object", path: "groups", claims: object{"groups": object{"a": true}}, outage: "is an object, not a list"},
		{name: "true", path: "groups", claims: object{"groups": true}, outage: "is true or false, not a list"},
		{name: "numbers", path: "groups", claims: object{"groups": []int{1}}, outage: "holds a number, not names alone"},
		{name: "null among names", path: "groups", claims: object{"groups": []any{"a", nil}}, outage: "holds null, not names alone"},
		{name: "objects", path: "groups", claims: object{"groups": []any{object{"name": "a"}}}, outage: "holds an object, not names alone"},
		{name: "an empty name", path: "groups", claims: object{"groups": []string{""}}, outage: "holds an empty name"},
		{name: "the root", path: "groups", claims: object{"groups": []string{"/"}}, outage: "holds an empty name"},
		{name: "a path through a text", path: "realm_access.roles", claims: object{"realm_access": "x"}, outage: "the claim realm_access is a text, not an object"},
		{name: "too many", path: "groups", claims: object{"groups": many}, outage: "more than 5000 groups"},
		{name: "a text in userinfo", path: "groups", userinfo: object{"groups": "platform"}, outage: "is a text, not a list"},
		{name: "distributed", path: "groups", claims: object{"_claim_names": object{"groups": "src1"}, "_claim_sources": object{"src1": object{"endpoint": "https://graph.example/groups"}}}, reason: connectors.ReasonGroups},
		{name: "distributed roles", path: "realm_access.roles", claims: object{"_claim_names": object{"realm_access": "src1"}, "_claim_sources": object{"src1": object{"endpoint": "https://x.example"}}}, reason: connectors.ReasonGroups},
		{name: "distributed in userinfo", path: "groups", userinfo: object{"_claim_names": object{"groups": "src1"}}, reason: connectors.ReasonGroups},
		{name: "hasgroups", path: "groups", claims: object{"hasgroups": true}, reason: connectors.ReasonGroups},
		{name: "hasgroups in words", path: "groups", claims: object{"hasgroups": "true"}, reason: connectors.ReasonGroups},
		{name: "hasgroups beside groups", path: "groups", claims: object{"hasgroups": true, "groups": []string{"x"}}, reason: connectors.ReasonGroups},
		{name: "no hasgroups", path: "groups", claims: object{"hasgroups": false, "groups": []string{"x"}}, want: []string{"x"}},
		{name: "another claim is distributed", path: "groups", claims: object{"groups": []string{"x"}, "_claim_names": object{"address": "src1"}, "_claim_sources": object{"src1": object{"endpoint": "https://x.example"}}}, want: []string{"x"}},
		{name: "nobody has groups", path: "", claims: object{"groups": []string{"x"}, "hasgroups": true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider(t)
			p.claims, p.userinfo = tt.claims, tt.userinfo
			c := p.connect(withGroups(tt.path), func(c *oidc.Config) { c.GroupsRequired = tt.required })
			id, err := c.login(t.Context())
			reason, _ := reasonOf(err)
			switch {
			case tt.outage != "":
				wantOutage(t, err, tt.outage)
			case reason != tt.reason || (err == nil) != (tt.reason == ""):
				t.Errorf("error %v, want reason %q", err, tt.reason)
			case !slices.Equal(id.Groups, tt.want):
				t.Errorf("groups %q, want %q", id.Groups, tt.want)
			case tt.reason != "" && !strings.Contains(c.log.String(), "login refused"):
				t.Errorf("the log does not say why: %s", c.log)
			}
		})
	}
}

// TestMissingGroupsClaimIsWarnedOf holds that the log says once that no token has
// carried the claim, until one has.
func TestMissingGroupsClaimIsWarnedOf(t *testing.T) {
	const warning = "no token of this provider has carried the groups claim so far"
	p := newProvider(t)
	c := p.connect(withGroups("groups"))
	for range 3 {
		c.mustLogin(t)
	}
	if n := strings.Count(c.log.String(), warning); n != 1 {
		t.Errorf("warned %d times, want once:\n%s", n, c.log)
	}

	other := p.connect(withGroups("groups"))
	p.claims = map[string]any{"groups": []string{"platform"}}
	other.mustLogin(t)
	p.mu.Lock()
	p.claims = nil
	p.mu.Unlock()
	if id := other.mustLogin(t); len(id.Groups) != 0 {
		t.Errorf("groups %q", id.Groups)
	}
	if strings.Contains(other.log.String(), warning) {
		t.Errorf("warned although a token had the claim:\n%s", other.log)
	}
}

func TestUserinfo(t *testing.T) {
	type object = map[string]any
	for _, tt := range []struct {
		name    string
		claims  object
		answer  object
		handler http.HandlerFunc
		asked   int
		outage  string
	}{
		{name: "not asked where nothing lacks", claims: object{"groups": []string{"x"}}, answer: object{}},
		{name: "asked for groups", answer: object{"groups": []string{"x"}}, asked: 1},
		{name: "asked for the name", claims: object{"preferred_username": nil, "groups": []string{"x"}}, answer: object{"preferred_username": "ALICE", "groups": []string{"evil"}}, asked: 1},
		{name: "about somebody else", answer: object{"sub": "4711", "groups": []string{"x"}}, asked: 1, outage: "about somebody else"},
		{name: "about nobody", answer: object{"sub": nil, "groups": []string{"x"}}, asked: 1, outage: "about somebody else"},
		{name: "refused", answer: object{}, handler: refuse(http.StatusForbidden, "insufficient_scope", ""), asked: 1, outage: "status 403"},
		{name: "down", answer: object{}, handler: refuse(http.StatusInternalServerError, "", ""), asked: 1, outage: "status 500"},
		{name: "a signed one", answer: object{}, handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/jwt")
			_, _ = w.Write([]byte("eyJhbGciOiJub25lIn0.e30."))
		}, asked: 1, outage: "the answer is not JSON"},
		{name: "a list", answer: object{}, handler: func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, []int{1}) }, asked: 1, outage: "not a JSON object"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newProvider(t)
			p.claims, p.userinfo, p.handlers[pathUserinfo] = tt.claims, tt.answer, tt.handler
			id, err := p.connect(withGroups("groups")).login(t.Context())
			switch {
			case tt.outage != "":
				wantOutage(t, err, tt.outage)
			case err != nil || id.Username != "alice" || !slices.Equal(id.Groups, []string{"x"}):
				t.Errorf("%q with groups %q, error %v", id.Username, id.Groups, err)
			}
			if n := p.count(pathUserinfo); n != tt.asked {
				t.Errorf("asked %d times, want %d", n, tt.asked)
			}
		})
	}
}
