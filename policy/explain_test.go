package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

func TestExplain(t *testing.T) {
	p := compile(t, manual()...)
	dan := user("directory:dan", "directory:contractors", "directory:registry-release")
	limited := dan
	limited.Ceiling, _ = policy.ParseCeiling([]string{"repository:release/*:push", "repository:public/**:pull"})
	nothing := dan
	nothing.Ceiling = policy.Ceiling{}
	unknown := policy.Subject{Ceiling: policy.Unlimited()}
	mapped := user("sso:Ops\x1b[31m", "", "sso:a\nb")
	mapped.Addr = netip.MustParseAddr("::ffff:192.0.2.7%eth0")
	for _, tt := range []struct {
		name       string
		subject    policy.Subject
		ask        string
		json, text string
		refused    bool
	}{
		{
			"granted and refused", dan, "repository:release/app:pull,push repository:other:pull",
			`{"subject":{"user":"directory:dan","groups":["directory:contractors","directory:registry-release"],"service":"registry.test","from":"192.0.2.7"},` +
				`"decisions":[{"scope":"repository:other","action":"pull","granted":false,"reason":"no-rule","rule":null},` +
				`{"scope":"repository:release/app","action":"pull","granted":true,"reason":"allowed","rule":"team spaces"},` +
				`{"scope":"repository:release/app","action":"push","granted":false,"reason":"denied","rule":"release freeze"}],` +
				`"access":[{"type":"repository","name":"release/app","actions":["pull"]}]}`,
			`who      directory:dan
groups   directory:contractors, directory:registry-release
service  registry.test
from     192.0.2.7

refused  repository:other        pull  no rule allows it
granted  repository:release/app  pull  allowed by rule "team spaces"
refused  repository:release/app  push  denied by rule "release freeze"
`, true,
		},
		{
			"under a ceiling", limited, "repository:release/app:pull",
			`{"subject":{"user":"directory:dan","groups":["directory:contractors","directory:registry-release"],"service":"registry.test","from":"192.0.2.7","ceiling":["repository:release/*:push","repository:public/**:pull"]},` +
				`"decisions":[{"scope":"repository:release/app","action":"pull","granted":false,"reason":"ceiling","rule":"team spaces"}],"access":[]}`,
			`who      directory:dan
groups   directory:contractors, directory:registry-release
service  registry.test
from     192.0.2.7
ceiling  repository:release/*:push repository:public/**:pull

refused  repository:release/app  pull  allowed by rule "team spaces", but above the ceiling of this login
`, true,
		},
		{
			"under a ceiling of nothing", nothing, "registry:catalog:*",
			`{"subject":{"user":"directory:dan","groups":["directory:contractors","directory:registry-release"],"service":"registry.test","from":"192.0.2.7","ceiling":[]},` +
				`"decisions":[{"scope":"registry:catalog","action":"*","granted":false,"reason":"no-rule","rule":null}],"access":[]}`,
			`who      directory:dan
groups   directory:contractors, directory:registry-release
service  registry.test
from     192.0.2.7
ceiling  nothing

refused  registry:catalog  *  no rule allows it
`, true,
		},
		{
			"of nobody known", unknown, "repository:public/x:pull",
			`{"subject":{"user":"","groups":[],"service":"","from":""},` +
				`"decisions":[{"scope":"repository:public/x","action":"pull","granted":true,"reason":"allowed","rule":"the world reads public images"}],` +
				`"access":[{"type":"repository","name":"public/x","actions":["pull"]}]}`,
			`who      anonymous
groups   none
service  not known
from     not known

granted  repository:public/x  pull  allowed by rule "the world reads public images"
`, false,
		},
		{
			"of nothing asked", user("local:ci"), "",
			`{"subject":{"user":"local:ci","groups":[],"service":"registry.test","from":"192.0.2.7"},"decisions":[],"access":[]}`,
			`who      local:ci
groups   none
service  registry.test
from     192.0.2.7
`, false,
		},
		{
			"of hostile names", mapped, "",
			`{"subject":{"user":"sso:Ops\u001b[31m","groups":["","sso:a\nb"],"service":"registry.test","from":"192.0.2.7"},"decisions":[],"access":[]}`,
			`who      "sso:Ops\x1b[31m"
groups   "", "sso:a\nb"
service  registry.test
from     192.0.2.7

warning: group "" is not of the form connector:name, and matches nothing
`, false,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := policy.Explain(tt.subject, p.Decide(tt.subject, scopes(t, strings.Fields(tt.ask)...)))
			got, err := json.Marshal(e)
			if err != nil || string(got) != tt.json {
				t.Errorf("JSON, %v: got\n%s\nwant\n%s", err, got, tt.json)
			}
			var b bytes.Buffer
			if err := e.WriteText(&b); err != nil || b.String() != tt.text {
				t.Errorf("text, %v: got\n%s\nwant\n%s", err, b.String(), tt.text)
			}
			if e.Refused() != tt.refused {
				t.Errorf("Refused() = %v", e.Refused())
			}
		})
	}
}

// full is a writer with no room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteTextReportsItsWriter(t *testing.T) {
	if err := policy.Explain(policy.Subject{}, policy.Decision{}).WriteText(full{}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}
