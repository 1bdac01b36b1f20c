package narrate_test

import (
	"testing"
	"time"

	"github.com/shorepass/shorepass/examples/quickstart/internal/narrate"
)

func TestSentence(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{
			"granted by one rule",
			`{"time":"2026-03-01T09:15:04.123Z","client_ip":"127.0.0.1","user_agent":"docker/28.2.2 go/go1.24 (linux)","username":"Alice",` +
				`"connector":"directory","kind":"person","subject":"directory:alice","groups":["directory:platform","directory:staff"],"asked":["repository:platform/hello:pull,push"],` +
				`"granted":[{"scope":"repository:platform/hello","action":"pull","reason":"allowed","rule":"platform owns its images"},` +
				`{"scope":"repository:platform/hello","action":"push","reason":"allowed","rule":"platform owns its images"}],"refused":[],"outcome":"granted","reason":""}`,
			"10:15:04  directory:alice (directory:platform, directory:staff) from 127.0.0.1 with docker/28.2.2\n" +
				"          granted  platform/hello: pull, push (rule \"platform owns its images\")\n",
		},
		{
			"partly: by two rules, by a deny, by none",
			`{"time":"2026-03-01T22:00:00Z","client_ip":"::1","user_agent":"crane","kind":"person","subject":"directory:carol","groups":[],` +
				`"granted":[{"scope":"repository:a/b","action":"pull","reason":"allowed","rule":"one"},{"scope":"repository:a/b","action":"push","reason":"allowed","rule":"two"},` +
				`{"scope":"registry:catalog","action":"*","reason":"allowed","rule":"list"}],` +
				`"refused":[{"scope":"repository:c","action":"push","reason":"denied","rule":"freeze"},{"scope":"repository:c","action":"delete","reason":"no-rule","rule":""},` +
				`{"scope":"repository:c","action":"pull","reason":"ceiling","rule":"one"}],"outcome":"partly"}`,
			"23:00:00  directory:carol (no groups) from ::1 with crane\n" +
				"          granted  a/b: pull (rule \"one\")\n" +
				"          granted  a/b: push (rule \"two\")\n" +
				"          granted  registry:catalog: * (rule \"list\")\n" +
				"          refused  c: push (rule \"freeze\" denies it)\n" +
				"          refused  c: delete (no rule allows it)\n" +
				"          refused  c: pull (ceiling)\n",
		},
		{
			"login that asks for nothing",
			`{"time":"2026-03-01T09:00:00Z","client_ip":"127.0.0.1","kind":"person","subject":"directory:bob","groups":[],"granted":[],"refused":[],"outcome":"granted"}`,
			"10:00:00  directory:bob (no groups) from 127.0.0.1\n" +
				"          login accepted\n",
		},
		{
			"wrong password",
			`{"time":"2026-03-01T09:00:00Z","client_ip":"127.0.0.1","user_agent":"skopeo","username":"bob","kind":"","outcome":"unauthenticated","reason":"wrong-password"}`,
			"10:00:00  somebody as \"bob\" from 127.0.0.1 with skopeo\n" +
				"          answered 401: login refused (wrong-password)\n",
		},
		{
			"anonymous, granted",
			`{"time":"2026-03-01T09:00:00Z","client_ip":"127.0.0.1","kind":"anonymous",` +
				`"granted":[{"scope":"repository:public/hello","action":"pull","reason":"allowed","rule":"the world"}],"outcome":"granted"}`,
			"10:00:00  anonymous from 127.0.0.1\n" +
				"          granted  public/hello: pull (rule \"the world\")\n",
		},
		{
			"anonymous, asking for nothing",
			`{"time":"2026-03-01T09:00:00Z","client_ip":"127.0.0.1","kind":"anonymous","outcome":"granted"}`,
			"10:00:00  anonymous from 127.0.0.1\n" +
				"          given a token for nothing: nothing was asked\n",
		},
		{
			"anonymous, refused",
			`{"time":"2026-03-01T09:00:00Z","client_ip":"127.0.0.1","kind":"anonymous",` +
				`"refused":[{"scope":"repository:x","action":"pull","reason":"no-rule","rule":""}],"outcome":"unauthenticated","reason":"no-credentials"}`,
			"10:00:00  anonymous from 127.0.0.1\n" +
				"          refused  x: pull (no rule allows it)\n" +
				"          answered 401: log in first\n",
		},
		{
			"directory out of reach",
			`{"time":"2026-03-01T09:00:00Z","client_ip":"127.0.0.1","username":"bob","outcome":"unavailable","reason":"outage"}`,
			"10:00:00  somebody as \"bob\" from 127.0.0.1\n" +
				"          answered 503: outage\n",
		},
		{
			"client that does not wait",
			`{"time":"2026-03-01T09:00:00Z","client_ip":"127.0.0.1","user_agent":"crane/v0.22.1","username":"alice","outcome":"unavailable","reason":"client-gone"}`,
			"10:00:00  somebody as \"alice\" from 127.0.0.1 with crane/v0.22.1\n" +
				"          not answered: the client hung up\n",
		},
		{
			"bad request, scope that cannot be read",
			`{"time":"2026-03-01T09:00:00Z","kind":"anonymous","dropped":["nonsense"],"outcome":"malformed","reason":"unknown-service"}`,
			"10:00:00  anonymous\n" +
				"          ignored  \"nonsense\" (not a scope)\n" +
				"          answered 400: unknown-service\n",
		},
		{
			"throttled",
			`{"time":"2026-03-01T09:00:00Z","username":"bob","outcome":"throttled","reason":"budget"}`,
			"10:00:00  somebody as \"bob\"\n          answered 429: budget\n",
		},
		{
			"our own fault",
			`{"time":"2026-03-01T09:00:00Z","kind":"anonymous","outcome":"internal","reason":"signing"}`,
			"10:00:00  anonymous\n          answered 500: signing\n",
		},
		{
			"administrative act",
			`{"time":"2026-03-01T09:00:00Z","realm":"demo","kind":"administrator","outcome":"granted","reason":"","act":"rotate-keys"}`,
			"10:00:00  administrator: rotate-keys\n",
		},
		{
			"a reload",
			`{"time":"2026-03-01T09:00:00Z","kind":"administrator","outcome":"granted","reason":"","act":"reload"}`,
			"10:00:00  administrator: reload\n",
		},
		{
			"a reload that took nothing up",
			`{"time":"2026-03-01T09:00:00Z","kind":"administrator","outcome":"conflict","reason":"bad-configuration","cause":"policy.yaml:7:5: unknown key \"nmae\"","act":"reload"}`,
			"10:00:00  administrator: reload\n          refused: bad-configuration: policy.yaml:7:5: unknown key \"nmae\"\n",
		},
		{
			"an act that is refused, without a cause",
			`{"time":"2026-03-01T09:00:00Z","realm":"demo","kind":"administrator","outcome":"not-found","reason":"realm","act":"create-token"}`,
			"10:00:00  administrator: create-token\n          refused: realm\n",
		},
		{
			"what a client sent does not steer the terminal",
			`{"time":"2026-03-01T09:00:00Z","user_agent":"\u001b[2Jx","username":"b\u001b[0m\n","outcome":"unauthenticated","reason":"bad-username"}`,
			"10:00:00  somebody as \"b\\x1b[0m\\n\" with ?[2Jx\n" +
				"          answered 401: login refused (bad-username)\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := narrate.Sentence([]byte(tt.line), time.FixedZone("", 3600))
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

func TestSentenceOfSomethingElse(t *testing.T) {
	if got, err := narrate.Sentence([]byte("{"), time.UTC); err == nil {
		t.Errorf("got %q", got)
	}
}
