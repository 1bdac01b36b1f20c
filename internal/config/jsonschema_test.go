package config_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
	"github.com/shorepass/shorepass/internal/manual"
)

// validator compiles a schema, as an editor does, having checked it against the schema of
// schemas.
func validator(t *testing.T, s config.Schema) *jsonschema.Schema {
	t.Helper()
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// validators are those of shorepass.yaml and of policy files.
func validators(t *testing.T, types map[string]connectors.Type) (file, policy *jsonschema.Schema) {
	t.Helper()
	m := manual.Parse(readManual(t))
	return validator(t, config.JSONSchema(types, m)), validator(t, config.PolicyJSONSchema(m))
}

// instance reads YAML as an editor does; not everything is.
func instance(t *testing.T, content []byte) (value any, isYAML bool) {
	t.Helper()
	var loose any
	if yaml.Unmarshal(content, &loose) != nil {
		return nil, false
	}
	encoded, err := json.Marshal(loose)
	if err != nil {
		t.Fatal(err)
	}
	value, err = jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	return value, true
}

// TestSchemasTakeWhatIsGood validates every configuration and policy there is that loads: the
// tests', the examples', and those of the manual and of the pages about providers.
func TestSchemasTakeWhatIsGood(t *testing.T) {
	file, policy := validators(t, types())
	good := map[string]string{}
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/warn/*.yaml", "../../examples/*/shorepass.yaml", "../../examples/*/policy.yaml", "../../examples/compose/broker/*.yaml", "../starter/files/*/*.yaml"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			good[name] = string(content)
		}
	}
	pages, err := filepath.Glob("../../docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../../docs/configuration.md", "../../docs/from-keycloak.md") {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, yaml := range configurations(string(content)) {
			good[page+string(rune('0'+i))] = yaml
		}
	}
	good["policy of the manual"] = policyOfManual(t)
	for name, content := range good {
		if filepath.Base(name) == "users.yaml" || strings.Contains(name, "custom-connector") { // with a type of its own
			continue
		}
		schema := file
		if strings.HasPrefix(strings.TrimLeft(uncommented(content), "\n"), "rules:") {
			schema = policy
		}
		value, isYAML := instance(t, []byte(content))
		if err := schema.Validate(value); err != nil || !isYAML {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(good) < 20 {
		t.Errorf("there are %d files", len(good))
	}
}

func uncommented(yaml string) string {
	return regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(yaml, "")
}

// structural matches the messages about what a schema knows: which keys there are and have
// to be, of what kind their values are, and which few of them there are. What it does not
// match takes more than a schema: what a value means, two values that do not go together, or
// what is on the disk.
var structural = regexp.MustCompile(`^[^:]+:\d+:\d+: (unknown key|no value: |the key "\w+" is missing$|want (text|a list|a mapping|true or false|a secret|a whole number)\b|` +
	`a secret that looks like|.* is a duration without a unit|.* is not a duration|("\w*"|the path|the file) is empty|usernames: "" is empty|unknown connector type|` +
	`[\w.\[\]]+: ".*" is (not one of|none of|neither (sub nor one|dn nor username))|unknown action|vendor: unknown vendor|guard: connectors of type)`)

// conditional matches messages about keys that are required, some of them whatever else
// there is: the schema may know.
var conditional = regexp.MustCompile(`: is required`)

// TestSchemasAndBadFiles holds that the schemas find exactly the bad files that a schema can
// find. That is decided by the messages of the loader; see structural.
func TestSchemasAndBadFiles(t *testing.T) {
	file, policy := validators(t, types())
	names, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	messages := allMessages(t)
	found, beyond := 0, 0
	for _, name := range names {
		base := filepath.Base(name)
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		value, isYAML := instance(t, content)
		if base == "users.yaml" || base == "more.yaml" || !isYAML { // the loader says so of the last
			continue
		}
		schema := file
		if strings.HasPrefix(base, "policy-of-") {
			schema = policy
		}
		can, may := false, false
		for _, m := range messages[base] {
			can = can || structural.MatchString(m)
			may = may || conditional.MatchString(m)
		}
		switch err := schema.Validate(value); {
		case can && err == nil:
			t.Errorf("%s: the schema finds nothing; the loader says\n%s", base, strings.Join(messages[base], "\n"))
		case !can && !may && err != nil:
			t.Errorf("%s: the schema finds %v; the loader says\n%s", base, err, strings.Join(messages[base], "\n"))
		case err != nil:
			found++
		default:
			beyond++
		}
	}
	t.Logf("%d bad files are found by a schema, %d take more than that", found, beyond)
	if found < 40 || beyond < 40 {
		t.Errorf("%d are found, and %d not: the rule is not what it was", found, beyond)
	}
}

// allMessages are those of the bad files, by the name of the file that they are about.
func allMessages(t *testing.T) map[string][]string {
	t.Helper()
	names, err := filepath.Glob("testdata/bad/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			line = strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "DIR/")
			of, _, _ := strings.Cut(line, ":")
			all[of] = append(all[of], line)
		}
	}
	return all
}

// TestChoicesAreThoseOfTheLoader misspells, in full.yaml, every value that the manual has few
// choices for: the loader refuses it and names the same ones.
func TestChoicesAreThoseOfTheLoader(t *testing.T) {
	seen := map[string]bool{}
	for section, keys := range manual.Parse(readManual(t)) {
		for key, told := range keys {
			if len(told.Choices) == 0 {
				continue
			}
			last := key[strings.LastIndexAny(key, ".")+1:]
			messages := misspell(t, last)
			for _, choice := range told.Choices {
				if !strings.Contains(messages, choice) && choice != "*" {
					t.Errorf("%s, %s: the loader does not name %q:\n%s", section, key, choice, messages)
				}
			}
			seen[last] = true
		}
	}
	want := []string{"algorithm", "algorithms", "allow", "client_auth", "deny", "disabled", "format", "level", "member_value", "scope", "trust", "vendor"}
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
		t.Errorf("the keys with choices are %q, want %q", got, want)
	}
}

// misspell loads full.yaml with another value for every key of the name, and returns what is
// wrong with that.
func misspell(t *testing.T, key string) string {
	t.Helper()
	full, err := os.ReadFile("testdata/good/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	one := regexp.MustCompile(`(\b` + key + `: )(\[[^\]]*\]|[\w-]+)`)
	changed := one.ReplaceAllStringFunc(string(full), func(m string) string {
		if strings.HasSuffix(m, "]") {
			return key + ": [zzz]"
		}
		return key + ": zzz"
	})
	if changed == string(full) {
		t.Fatalf("full.yaml has no %s", key)
	}
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("testdata/good")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "full.yaml"), changed)
	_, err = config.Load(filepath.Join(folder, "full.yaml"), types())
	if err == nil {
		t.Fatalf("%s: zzz loads", key)
	}
	return err.Error()
}

// TestSchemaDescribesEveryKey wants words for every key of the configuration.
func TestSchemaDescribesEveryKey(t *testing.T) {
	all := types()
	delete(all, "desk")
	m := manual.Parse(readManual(t))
	for _, s := range []config.Schema{config.JSONSchema(all, m), config.PolicyJSONSchema(m)} {
		undescribed(t, "", s)
	}
}

// undescribed fails for properties without a description, for those of them that mean nothing
// by themselves, and for mappings without a title.
func undescribed(t *testing.T, at string, s any) {
	t.Helper()
	switch s := s.(type) {
	case config.Schema:
		if properties, ok := s["properties"].(config.Schema); ok && s["type"] == "object" {
			if s["title"] == nil || s["title"] == "" {
				t.Errorf("%s has no title", at)
			}
			for key, property := range properties {
				words, _ := property.(config.Schema)["description"].(string)
				if len(words) < 20 || dangling.MatchString(words) {
					t.Errorf("%s.%s is described as %q", at, key, words)
				}
			}
		}
		for key, below := range s {
			undescribed(t, at+"."+key, below)
		}
	case []config.Schema:
		for _, below := range s {
			undescribed(t, at, below)
		}
	}
}

// dangling matches words that refer to what is around them on the page.
var dangling = regexp.MustCompile(`(?i)\bbelow\.|^(how|which one|its [a-z ]+|the same [a-z ]+)[.,]|^it |\bsee below\b`)

// TestSchemaDefaults holds that editors are told defaults that are lists and numbers, too.
func TestSchemaDefaults(t *testing.T) {
	all, err := json.Marshal(config.JSONSchema(types(), manual.Parse(readManual(t))))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"default":["openid","profile","email"]`, `"default":["RS256","ES256"]`, `"default":20`, `"default":[]`, `"default":"5m"`, `"default":false`} {
		if !strings.Contains(string(all), want) {
			t.Errorf("no key has %s", want)
		}
	}
}

// TestSchemaRefusesNothing holds that a key is not given by an empty text or list.
func TestSchemaRefusesNothing(t *testing.T) {
	file, _ := validators(t, types())
	const config = "realms: [{name: a, services: [b], policy: p.yaml, TTL connectors: [{name: d, type: ldap, config: {url: URL, vendor: openldap, users: {base_dn: x}}}]}]"
	for _, tt := range []struct {
		ttl, url string
		ok       bool
	}{
		{"token_ttl: 5m,", "ldaps://a", true},
		{"token_ttl: 1d,", "[ldaps://a]", true},
		{"token_ttl: 1d1h30m,", "[ldaps://a, ldaps://b]", true},
		{"token_ttl: '',", "ldaps://a", false},
		{"token_ttl: 'd',", "ldaps://a", false},
		{"", "[]", false},
	} {
		value, _ := instance(t, []byte(strings.NewReplacer("TTL", tt.ttl, "URL", tt.url).Replace(config)))
		if err := file.Validate(value); (err == nil) != tt.ok {
			t.Errorf("%s url: %s: %v", tt.ttl, tt.url, err)
		}
	}
}

// own is the configuration of a connector that the manual does not know.
type own struct {
	Headers map[string]string `yaml:"headers" description:"Sent with every question, by name."`
	From    netip.Addr        `yaml:"from" description:"The address that questions come from."`
}

// TestSchemaOfAConnectorOfOnesOwn holds that its keys are described by their tags, and that
// its type is named.
func TestSchemaOfAConnectorOfOnesOwn(t *testing.T) {
	all := types()
	all["own"] = connectors.Type{Config: func() any { return new(own) }}
	file, _ := validators(t, all)
	for yaml, ok := range map[string]bool{
		`{headers: {A: b}, from: 127.0.0.1}`: true,
		`{headers: {A: 1}}`:                  false,
		`{headers: x}`:                       false,
		`{from: 1}`:                          false,
	} {
		value, _ := instance(t, []byte("realms: [{name: a, services: [b], policy: p.yaml, connectors: [{name: d, type: own, config: "+yaml+"}]}]"))
		if err := file.Validate(value); (err == nil) != ok {
			t.Errorf("%s: %v", yaml, err)
		}
	}
	schema, err := json.Marshal(config.JSONSchema(all, manual.Parse(readManual(t))))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Sent with every question, by name.", "The address that questions come from.", "ldap, oidc, own, pat"} {
		if !strings.Contains(string(schema), want) {
			t.Errorf("the schema does not say %q", want)
		}
	}
}
