package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/ldap"
	"github.com/shorepass/shorepass/connectors/oidc"
	"github.com/shorepass/shorepass/connectors/pat"
	"github.com/shorepass/shorepass/internal/config"
)

const manualPage = "../../docs/configuration.md"

func readManual(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(manualPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// configurations returns the YAML blocks of a page that are whole configurations.
func configurations(page string) []string {
	var found []string
	for i, block := range strings.Split(page, "```") {
		yaml, ok := strings.CutPrefix(block, "yaml\n")
		if i%2 == 1 && ok && strings.Contains("\n"+yaml, "\nrealms:") {
			found = append(found, yaml)
		}
	}
	return found
}

// TestManualExamples loads the examples of the manual.
func TestManualExamples(t *testing.T) {
	all := configurations(readManual(t))
	if len(all) != 2 {
		t.Fatalf("%d examples", len(all))
	}
	for i, yaml := range all {
		folder := t.TempDir()
		write(t, filepath.Join(folder, "shorepass.yaml"), yaml)
		for _, named := range []string{"ldap-password", "users.yaml", "tls.crt", "tls.key", "corp-ca.pem"} {
			write(t, filepath.Join(folder, named), "secret\n")
		}
		write(t, filepath.Join(folder, "policy.yaml"), policyOfManual(t))
		if i > 0 { // its policy is another one
			write(t, filepath.Join(folder, "policy.yaml"), strings.ReplaceAll(policyOfManual(t), "directory:", "local:"))
		}
		cfg, err := config.Load(filepath.Join(folder, "shorepass.yaml"), types())
		if err != nil {
			t.Errorf("example %d: %v", i, err)
			continue
		}
		if w := cfg.Warnings(); len(w) > 0 {
			t.Errorf("example %d: %v", i, w)
		}
	}
}

// policyOfManual returns the policy that the manual shows.
func policyOfManual(t *testing.T) string {
	t.Helper()
	_, after, found := strings.Cut(section(t, "Policy"), "```yaml\n")
	yaml, _, closed := strings.Cut(after, "```")
	if !found || !closed {
		t.Fatal("no policy in the manual")
	}
	return yaml
}

// section returns what stands under a heading, up to the next one.
func section(t *testing.T, heading string) string {
	t.Helper()
	for _, mark := range []string{"\n## ", "\n### "} {
		if _, after, found := strings.Cut(readManual(t), mark+heading+"\n"); found {
			text, _, _ := strings.Cut(after, "\n## ")
			text, _, _ = strings.Cut(text, "\n### ")
			return text
		}
	}
	t.Fatalf("no section %s", heading)
	return ""
}

// TestManualHasEveryKey looks for a row of every key of the schema in the section
// that it belongs to, and for the key of every row in the schema.
func TestManualHasEveryKey(t *testing.T) {
	sections := []struct{ prefix, heading string }{
		{"realms[].connectors[].config.", ""}, // by type, below
		{"realms[].connectors[].", "Connectors"},
		{"realms[].policy.", "Policy"},
		{"realms[].", "Realms"},
		{"", "Top level"},
	}
	keys := map[string][]string{}
	for _, path := range schemaPaths(t) {
		for _, s := range sections {
			if key, ok := strings.CutPrefix(path, s.prefix); ok {
				keys[s.heading] = append(keys[s.heading], key)
				break
			}
		}
	}
	delete(keys, "")
	for name, typ := range types() {
		if name != "desk" { // the test's own
			keys[name] = keysOf(t, typ.Config())
		}
	}
	for heading, want := range keys {
		text := section(t, heading)
		rows := strings.Count(text, "\n| `")
		for _, key := range want {
			switch {
			case strings.Contains(text, "\n| `"+key+"` |"):
				rows--
			case !hasPart(want, key):
				t.Errorf("the section %s lacks the key %s", heading, key)
			}
		}
		if rows != 0 {
			t.Errorf("the section %s has %d rows of keys that there are not", heading, rows)
		}
	}
}

// TestManualKnowsEveryConnector wants the types that the manual is compared with to be
// those that there are: each connector has a folder.
func TestManualKnowsEveryConnector(t *testing.T) {
	packages, err := filepath.Glob("../../connectors/*/doc.go")
	if err != nil || len(packages) == 0 {
		t.Fatalf("there are no connectors: %v", err)
	}
	known := types()
	for _, p := range packages {
		name := filepath.Base(filepath.Dir(p))
		if _, ok := known[name]; !ok && name != "guard" && name != "connectortest" {
			t.Errorf("connectors/%s is not in types() of fixture_test.go: the manual is not compared with its keys", name)
		}
	}
}

// hasPart reports whether the key is a mapping, whose keys have rows of their own.
func hasPart(keys []string, key string) bool {
	for _, other := range keys {
		if strings.HasPrefix(other, key+".") || strings.HasPrefix(other, key+"[].") {
			return true
		}
	}
	return false
}

// TestManualDefaults compares the defaults that the manual shows with those there are.
func TestManualDefaults(t *testing.T) {
	cfg := load(t, "testdata/good/minimal.yaml")
	realm, failed := cfg.Realms[0], cfg.Limits.FailedLogins
	tokens := pat.DefaultConfig()
	guards, brief := realm.Connectors[0].Guard, func(d time.Duration) string { return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m") }
	directory, provider := (ldap.Config{Groups: &ldap.Groups{}}).WithDefaults(), oidc.DefaultConfig()
	for heading, defaults := range map[string]map[string]string{
		"Top level": {
			"listen": cfg.Listen, "plain_http": strconv.FormatBool(cfg.PlainHTTP), "monitor": cfg.Monitor, "data_dir": "./" + filepath.Base(cfg.DataDir),
			"log.level": cfg.Log.Level, "log.format": cfg.Log.Format, "audit.stdout": strconv.FormatBool(cfg.Audit.Stdout), "audit.sync": cfg.Audit.Sync.String(),
			"limits.requests.at_once": strconv.Itoa(cfg.Limits.Requests.AtOnce), "limits.connections": strconv.Itoa(cfg.Limits.Connections),
			"limits.failed_logins.network.burst": strconv.Itoa(failed.Network.Burst), "limits.failed_logins.network.per": strings.TrimSuffix(failed.Network.Per.String(), "0s"),
			"limits.failed_logins.account.burst": strconv.Itoa(failed.Account.Burst), "limits.failed_logins.account.per": strings.TrimSuffix(failed.Account.Per.String(), "0m0s"),
			"limits.failed_logins.overall.burst": strconv.Itoa(failed.Overall.Burst), "limits.failed_logins.overall.per": strings.TrimSuffix(failed.Overall.Per.String(), "0s"),
		},
		"Realms": {"unicode_usernames": strconv.FormatBool(realm.Usernames == connectors.UnicodeUsernames), "token_ttl": strings.TrimSuffix(realm.TokenTTL.String(), "0s")},
		"Connectors": {
			"guard.cache.ttl": brief(guards.Cache.TTL), "guard.cache.stale": guards.Cache.Stale.String(), "guard.cache.unknown": guards.Cache.Unknown.String(),
			"guard.lockout.budget": strconv.Itoa(guards.Lockout.Budget), "guard.lockout.familiar": strconv.Itoa(guards.Lockout.Familiar),
			"guard.lockout.window": brief(guards.Lockout.Window), "guard.bulkhead.max": strconv.Itoa(guards.Bulkhead.Max),
			"guard.breaker.failures": strconv.Itoa(guards.Breaker.Failures), "guard.breaker.probe": guards.Breaker.Probe.String(),
		},
		"ldap": {
			"start_tls": strconv.FormatBool(directory.StartTLS), "insecure_plaintext": strconv.FormatBool(directory.InsecurePlaintext),
			"users.filter": directory.Users.Filter, "users.username_attribute": directory.Users.UsernameAttribute,
			"users.scope": directory.Users.Scope, "users.disabled": directory.Users.Disabled, "users.id_attribute": directory.Users.IDAttribute,
			"groups.scope": directory.Groups.Scope, "groups.filter": directory.Groups.Filter, "groups.member_attribute": directory.Groups.MemberAttribute,
			"groups.member_value": directory.Groups.MemberValue, "groups.name_attribute": directory.Groups.NameAttribute,
		},
		"oidc": {
			"client_auth": provider.ClientAuth, "scopes": list(provider.Scopes), "username_claim": provider.UsernameClaim,
			"groups_required": strconv.FormatBool(provider.GroupsRequired), "algorithms": list(provider.Algorithms),
			"insecure_plaintext": strconv.FormatBool(provider.InsecurePlaintext),
		},
		"pat": {
			"max_group_age": days(tokens.MaxGroupAge), "outage_grace": days(tokens.OutageGrace), "max_login_age": days(tokens.MaxLoginAge),
			"self_service.enabled": strconv.FormatBool(tokens.SelfService.Enabled), "self_service.max_tokens": strconv.Itoa(tokens.SelfService.MaxTokens),
			"self_service.default_expiry": days(tokens.SelfService.DefaultExpiry), "self_service.max_expiry": days(tokens.SelfService.MaxExpiry),
			"self_service.scopes": `["` + strings.Join(tokens.SelfService.Scopes, `", "`) + `"]`,
		},
	} {
		for key, value := range defaults {
			_, row, _ := strings.Cut(section(t, heading), "\n| `"+key+"` |")
			if _, rest, _ := strings.Cut(row, "| "); !strings.HasPrefix(rest, "`"+value+"` |") {
				t.Errorf("the default of %s is %s; the manual has %.40q", key, value, rest)
			}
		}
	}
}

// TestProtectionDefaults compares the defaults that docs/protection.md has of the limits with
// those there are; connectors/guard compares the others.
func TestProtectionDefaults(t *testing.T) {
	page, err := os.ReadFile("../../docs/protection.md")
	if err != nil {
		t.Fatal(err)
	}
	l := load(t, "testdata/good/minimal.yaml").Limits
	if want := fmt.Sprintf("\n**Default**: `requests: {at_once: %d}`, `connections: %d`.\n", l.Requests.AtOnce, l.Connections); !strings.Contains(string(page), want) {
		t.Errorf("the page does not have %s", want)
	}
}

// TestManualPresets compares what the manual says that each vendor sets with what it
// does.
func TestManualPresets(t *testing.T) {
	_, after, _ := strings.Cut(section(t, "ldap"), "#### Vendors")
	text, _, _ := strings.Cut(after, "\n#### ")
	var vendors []string
	said := map[string][]string{}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, "\x00"), "|")
		switch {
		case len(cells) < 6:
		case vendors == nil:
			vendors = cells[2 : len(cells)-1]
		case strings.HasPrefix(cells[1], "---"):
		default:
			for i, vendor := range vendors {
				if value := strings.Trim(cells[i+2], " `"); value != "" {
					said[vendor] = append(said[vendor], strings.TrimSpace(cells[1])+": "+strings.ReplaceAll(value, "\x00", "|"))
				}
			}
		}
	}
	if len(vendors) != 4 {
		t.Fatalf("the manual has the vendors %q", vendors)
	}
	for _, vendor := range vendors {
		cfg := &ldap.Config{Vendor: strings.Trim(vendor, " `"), Groups: &ldap.Groups{}}
		_, set := cfg.Preset()
		slices.Sort(set)
		slices.Sort(said[vendor])
		if len(set) == 0 || !slices.Equal(set, said[vendor]) {
			t.Errorf("%s sets\n%q\nthe manual has\n%q", vendor, set, said[vendor])
		}
	}
}

// days is how the manual shows a duration.
func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

// list is how the manual shows a list.
func list(items []string) string { return "[" + strings.Join(items, ", ") + "]" }

// TestKeycloakCountsForHours holds that every configuration for Keycloak that is handed out
// remembers wrong passwords for as long as Keycloak counts them by default.
func TestKeycloakCountsForHours(t *testing.T) {
	for _, path := range []string{"docs/providers/keycloak.md", "docs/from-keycloak.md", "internal/starter/files/keycloak/shorepass.yaml"} {
		content, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil || !strings.Contains(string(content), "guard: {lockout: {window: 12h}}") {
			t.Errorf("%s: no window of 12h, %v", path, err)
		}
	}
}

// TestProviderPages loads the configurations that the pages about providers and
// directories show: each page has one, and what else is YAML in them is indented instead.
func TestProviderPages(t *testing.T) {
	pages, err := filepath.Glob("../../docs/providers/*.md")
	if err != nil || len(pages) < 7 {
		t.Fatalf("%d pages, error %v", len(pages), err)
	}
	directories, err := filepath.Glob("../../docs/directories/*.md")
	if err != nil || len(directories) < 5 {
		t.Fatalf("%d pages, error %v", len(directories), err)
	}
	pages = append(pages, directories...)
	t.Setenv("SHOREPASS_CLIENT_SECRET", "secret")
	for _, page := range append(pages, "../../docs/from-keycloak.md") {
		if filepath.Base(page) == "README.md" {
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			content, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			all := configurations(string(content))
			if want := strings.Count(string(content), "```yaml"); want != 1 || len(all) != 1 {
				t.Fatalf("%d blocks of YAML, %d whole configurations", want, len(all))
			}
			folder := t.TempDir()
			write(t, filepath.Join(folder, "shorepass.yaml"), all[0])
			for _, named := range []string{"client-secret", "ldap-password", "corp-ca.pem", "google.crt", "google.key", "realm-key.pem", "realm.pem"} {
				write(t, filepath.Join(folder, named), "secret\n")
			}
			cfg, err := config.Load(filepath.Join(folder, "shorepass.yaml"), types())
			if err != nil {
				t.Fatal(err)
			}
			if w := cfg.Warnings(); len(w) > 0 {
				t.Error(w)
			}
		})
	}
}
