package cmd

import (
	"strings"
	"text/template"
	"time"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/config"
)

// The texts after an act: what registries need, and what comes next.
func actTexts() map[token.Act]string {
	return map[token.Act]string{
		token.PublishKey: `
The next key is published beside the one that signs, which goes on to sign.
{{if .JWKS}}1. Give each registry of {{.JWKS}}
   the JWKS anew, and restart it. That may be done at any time from now on:
     shorepass registry-config {{.Flags}} --service SERVICE --for v3-jwks --out DIR
   (or fetch {{.URL}}/keys)
{{else}}1. No service has trust jwks. Should a registry have been given the JWKS already, give it
   this one, and restart it. That may be done at any time from now on:
     {{.URL}}/keys
{{end}}2. When all of them were restarted, and not before {{.Activate}}:
     shorepass keys activate {{.Flags}}
{{if .JWKS}}A zot registry holds one key alone, and gets the new one when that signs.
{{end}}`,
		token.ActivateKey: `
It signs the tokens of services with trust jwks from now on{{if not .JWKS}}; there is none yet{{end}}.
Registries need nothing more. The key before is published until {{.Expired}}, while tokens
that it signed may be alive; registries that are restarted with the JWKS after that trust it no more.
{{if .JWKS}}A zot registry holds one key alone: give it the new one now, and restart it:
     shorepass registry-config {{.Flags}} --service SERVICE --for zot --out DIR
{{end}}`,
		token.PublishCA: `
The next CA is published beside the present one, which goes on to vouch for the key that signs.
{{if .X5C}}1. Give each registry of {{.X5C}}
   the bundle with both, and restart it. That may be done at any time from now on:
     shorepass registry-config {{.Flags}} --service SERVICE --for v3 --out DIR   (2.8: --for v2)
   (or fetch {{.URL}}/ca.pem)
{{else}}1. No service has trust x5c. Should a registry have been given the bundle already, give it
   the one with both, and restart it. That may be done at any time from now on:
     {{.URL}}/ca.pem
{{end}}2. When all of them were restarted, and not before {{.Activate}}:
     shorepass keys rollover-ca activate {{.Flags}}
`,
		token.ActivateCA: `
It vouches for a new key, which signs from now on. Registries need nothing now.
From {{.Expired}} on, when the last token under the CA before has expired:
     shorepass keys rollover-ca finish {{.Flags}}
`,
		token.RetireCA: `
It is in the bundle no more. {{if .X5C}}Give each registry of {{.X5C}}
the bundle anew, and restart it when that suits; until then it trusts both:
     shorepass registry-config {{.Flags}} --service SERVICE --for v3 --out DIR   (2.8: --for v2)
{{else}}Should a registry have been given the bundle already,
give it this one, and restart it when that suits; until then it trusts both:
     {{.URL}}/ca.pem
{{end}}`,
	}
}

// afterAct says what registries need after an act, and what comes next.
func afterAct(act token.Act, info token.KeyInfo, o keyOptions, cfg *config.Config, realm config.Realm, now time.Time) (string, error) {
	flags := "--realm " + realm.Name
	if o.config != defaultConfig {
		flags = "--config " + quoteShell(o.config) + " " + flags
	}
	t, err := template.New("act").Parse(actTexts()[act])
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, map[string]string{
		"JWKS": servicesWith(realm, "jwks"), "X5C": servicesWith(realm, "x5c"), "Flags": flags, "URL": cfg.PublicURL + "/realms/" + realm.Name,
		"Activate": wholeMinute(info.ActivateFrom), "Expired": wholeMinute(now.Add(token.Retention)),
	})
	return out.String(), err
}

// servicesWith names the services with that trust; nothing where there are none yet.
func servicesWith(realm config.Realm, trust string) string {
	var names []string
	for _, s := range realm.Services {
		if s.Trust == trust {
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, ", ")
}

// wholeMinute is the first whole minute that is not before t.
func wholeMinute(t time.Time) string {
	return t.Add(time.Minute - time.Nanosecond).UTC().Format(timeLayout)
}

// timeLayout is how tables write times.
const timeLayout = "2006-01-02 15:04Z"

// quoteShell writes a word so that a shell takes it for one.
func quoteShell(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
