package policy_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

func pulls(p *policy.Policy, s policy.Subject, name string) bool {
	d := p.Decide(s, []policy.Scope{{Type: "repository", Name: name, Actions: []string{"pull"}}})
	return len(d.Access) == 1
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct{ pattern, yes, no string }{
		{"platform/app", "platform/app", "platform platform/app2 platform/app/x xplatform/app a/platform/app"},
		{"platform/**", "platform/a platform/a/b platform/a/b/c", "platform platform-evil/x platformx/y evil/platform/x"},
		{"platform/*", "platform/a platform/a-b", "platform platform/a/b"},
		{"**", "a a/b a/b/c registry.test:5000/a", ""},
		{"*", "a a-b", "a/b"},
		{"*/*", "a/b registry.test:5000/b", "a a/b/c"},
		{"a/**/b", "a/x/b a/x/y/b a/b/b", "a/b a/x/c b/x/b a/x/b/c"},
		{"**/b", "a/b a/a/b b/b", "b a/c a/b/c"},
		{"**/b/**", "a/b/c a/a/b/c/d b/b/b a/b/b/b", "b a/b b/c a/c/b b/b a/c/d"},
		{"**/**", "a/b a/b/c", "a"},
		{"**/*", "a/b a/b/c", "a"},
		{"*/**/*", "a/b/c a/b/c/d", "a a/b"},
		{"a/**/*/**/b", "a/x/y/z/b a/1/2/3/4/b", "a/x/y/b a/x/b"},
		{"**/a/**/a/**", "x/a/x/a/x a/a/a/a/a", "a/x/a/x x/a/a/x a/a/a/a x/a/x/a"},
		{"**/a/b/**/b", "x/a/b/x/b x/a/a/b/a/b/b x/a/b/b/b", "a/b/x/b x/a/x/b/x/b x/a/b/b"},
		{"web*", "web web-1 webshop", "we awebx web/1"},
		{"*web", "web my-web", "webs"},
		{"a*b*c", "abc axbxc a.b.c abbcc abcbc", "ab ac acb abcd"},
		{"a*a", "aa aba", "a"},
		{"*a*b*", "ab xaxbx", "ba aa"},
		{"registry.test:5000/a/*", "registry.test:5000/a/b", "registry.test/a/b registry.test:5001/a/b a/b"},
		{"registry.test:*/a", "registry.test:5000/a registry.test:1/a", "registry.test/a"},
		{"registry.test*/a", "registry.test:5000/a registry.test/a", "registry/a"},
		{"*:5*/a", "registry.test:5000/a b:5/a", "b:6/a a"},
		{"a_b/c__d/e-f---g", "a_b/c__d/e-f---g", "a-b/c__d/e-f---g"},
	} {
		t.Run(tt.pattern, func(t *testing.T) {
			p := compile(t, rule("r", authenticated, on(tt.pattern), allow("pull")))
			for _, name := range strings.Fields(tt.yes) {
				if !pulls(p, user("local:ci"), name) {
					t.Errorf("does not match %s", name)
				}
			}
			for _, name := range strings.Fields(tt.no) {
				if pulls(p, user("local:ci"), name) {
					t.Errorf("matches %s", name)
				}
			}
		})
	}
}

func TestSubjectPatterns(t *testing.T) {
	for _, tt := range []struct {
		name string
		by   part
		yes  []policy.Subject
		no   []policy.Subject
	}{
		{
			"a user", users("directory:alice"),
			[]policy.Subject{user("directory:alice")},
			[]policy.Subject{user("sso:alice"), user("directory:alice2"), user("directory:bob", "directory:alice"), anonymous()},
		},
		{
			"users of a connector", users("directory:*"),
			[]policy.Subject{user("directory:alice"), user("directory:*"), user("directory:a/b"), user("directory:a:b")},
			[]policy.Subject{user("sso:alice"), user("sso:directory:alice"), user("directory"), user("directory:"), user(":directory"), anonymous()},
		},
		{
			"users by part of a name", users("directory:svc-*-ci"),
			[]policy.Subject{user("directory:svc-a-ci"), user("directory:svc--ci"), user("directory:svc-a/b:c-ci")},
			[]policy.Subject{user("directory:svc-ci"), user("directory:svc-a-cd"), user("local:svc-a-ci")},
		},
		{
			"users of connectors by a star", users("*:root"),
			[]policy.Subject{user("directory:root"), user("local:root"), user("unheard-of:root")},
			[]policy.Subject{user("directory:a:root"), user("directory:groot"), anonymous()},
		},
		{
			"a group", groups("sso:platform/oncall"),
			[]policy.Subject{user("sso:a", "sso:x", "sso:platform/oncall"), user("directory:a", "sso:platform/oncall")},
			[]policy.Subject{user("sso:platform/oncall"), user("sso:a", "sso:platform"), user("sso:a", "directory:platform/oncall")},
		},
		{
			"groups below a path", groups("sso:platform/*"),
			[]policy.Subject{user("sso:a", "sso:platform/a"), user("sso:a", "sso:platform/a/b"), user("sso:a", "sso:platform/")},
			[]policy.Subject{user("sso:a", "sso:platform"), user("sso:a", "sso:x/platform/a")},
		},
		{
			"a group with a colon in its name", groups("sso:a:b"),
			[]policy.Subject{user("sso:u", "sso:a:b")},
			[]policy.Subject{user("sso:u", "sso:a"), user("sso:u", "sso:b"), user("sso:u", "a:b")},
		},
		{
			"a group in upper case", groups("sso:Ops"),
			[]policy.Subject{user("sso:u", "sso:Ops")},
			[]policy.Subject{user("sso:u", "sso:ops"), user("sso:u", "sso:OPS")},
		},
		{
			"groups of nobody signed in", groups("*:*"),
			[]policy.Subject{user("sso:u", "directory:x")},
			[]policy.Subject{user("", "directory:x"), user("sso:u"), user("sso:u", "", ":", "x", ":x", "x:")},
		},
		{
			"any of several", func(r *policy.Rule) { groups("directory:a", "directory:b")(r); users("sso:c")(r) },
			[]policy.Subject{user("directory:u", "directory:b"), user("sso:c"), user("sso:c", "directory:a")},
			[]policy.Subject{user("directory:c"), user("sso:d", "sso:a")},
		},
		{
			"authenticated", authenticated,
			[]policy.Subject{user("directory:a"), user("robot:ci"), user("unheard-of:x")},
			[]policy.Subject{anonymous(), user("nocolon"), user("directory:"), user(":x")},
		},
		{
			"anyone", anyone,
			[]policy.Subject{anonymous(), user("directory:a")},
			[]policy.Subject{user("nocolon"), user("directory:"), user(":x")},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := compile(t, rule("r", tt.by, on("**"), allow("pull")))
			for _, s := range tt.yes {
				if !pulls(p, s, "a/b") {
					t.Errorf("does not match %q %q", s.User, s.Groups)
				}
			}
			for _, s := range tt.no {
				if pulls(p, s, "a/b") {
					t.Errorf("matches %q %q", s.User, s.Groups)
				}
			}
		})
	}
}

func TestServicesAndNetworks(t *testing.T) {
	const none = ""
	for _, tt := range []struct {
		name          string
		condition     part
		service, addr string
		allow, deny   bool // whether an allow and a deny with the condition match
	}{
		{"the service", services("registry.test"), "registry.test", none, true, true},
		{"one of the services", services("v3.test", "registry.test"), "registry.test", none, true, true},
		{"another service", services("v3.test"), "registry.test", none, false, false},
		{"service not known", services("v3.test"), none, none, false, true},
		{"within", networks("10.0.0.0/8"), none, "10.1.2.3", true, true},
		{"one of the networks", networks("192.0.2.0/24", "10.0.0.0/8"), none, "10.1.2.3", true, true},
		{"without", networks("10.0.0.0/8"), none, "11.0.0.1", false, false},
		{"one address", networks("10.0.0.1/32"), none, "10.0.0.1", true, true},
		{"the address beside it", networks("10.0.0.1/32"), none, "10.0.0.2", false, false},
		{"address not known", networks("0.0.0.0/0", "::/0"), none, none, false, true},
		{"IPv4 within IPv6", networks("10.0.0.0/8"), none, "::ffff:10.1.2.3", true, true},
		{"IPv4 within IPv6, with a zone", networks("10.0.0.0/8"), none, "::ffff:10.1.2.3%eth0", true, true},
		{"IPv6", networks("2001:db8::/32"), none, "2001:db8::1", true, true},
		{"IPv6 with a zone", networks("fe80::/10"), none, "fe80::1%eth0", true, true},
		{"IPv4 is in no IPv6 network", networks("::/0"), none, "10.0.0.1", false, false},
		{"IPv4 within IPv6 neither", networks("::/0"), none, "::ffff:10.0.0.1", false, false},
		{"both hold", func(r *policy.Rule) { services("v3.test")(r); networks("10.0.0.0/8")(r) }, "v3.test", "10.0.0.1", true, true},
		{"only the service holds", func(r *policy.Rule) { services("v3.test")(r); networks("10.0.0.0/8")(r) }, "v3.test", "11.0.0.1", false, false},
		{"only the network holds", func(r *policy.Rule) { services("v3.test")(r); networks("10.0.0.0/8")(r) }, "registry.test", "10.0.0.1", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := user("directory:alice")
			s.Service, s.Addr = tt.service, netip.Addr{}
			if tt.addr != none {
				s.Addr = netip.MustParseAddr(tt.addr)
			}
			if got := pulls(compile(t, rule("r", authenticated, on("**"), tt.condition, allow("pull"))), s, "a"); got != tt.allow {
				t.Errorf("allow matches: %v, want %v", got, tt.allow)
			}
			p := compile(t, rule("all", anyone, on("**"), allow("pull")), rule("r", authenticated, on("**"), tt.condition, deny("pull")))
			if got := !pulls(p, s, "a"); got != tt.deny {
				t.Errorf("deny matches: %v, want %v", got, tt.deny)
			}
		})
	}
}
