package cmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/shorepass/shorepass/broker/token"
	"github.com/shorepass/shorepass/internal/config"
)

// afterAct says what registries need after an act, and what comes next.
func afterAct(act token.Act, cfg *config.Config, realm config.Realm, now time.Time) string {
	in := func(d time.Duration) string { return now.Add(d).UTC().Format("2006-01-02 15:04Z") }
	ours := fmt.Sprintf("--realm %s", realm.Name)
	names := func(trust string) string {
		var out []string
		for _, s := range realm.Services {
			if s.Trust == trust {
				out = append(out, s.Name)
			}
		}
		return strings.Join(out, ", ")
	}
	switch act {
	case token.PublishKey:
		return fmt.Sprintf(`
The next key is published beside the one that signs, which goes on to sign.
1. Give each registry of %s
   the JWKS anew, and restart it. That may be done at any time from now on:
     shorepass registry-config %s --service SERVICE --for v3-jwks --out DIR
   (or fetch %s/realms/%s/keys)
2. When all of them were restarted, and not before %s:
     shorepass keys activate %s
`, names("jwks"), ours, cfg.PublicURL, realm.Name, in(token.Settle), ours)
	case token.ActivateKey:
		return fmt.Sprintf(`
It signs the tokens of %s from now on.
Registries need nothing more. The key before is published until %s, while tokens
that it signed may be alive; registries that are restarted with the JWKS after that trust it no more.
A zot registry holds one key alone: give it the new one now (shorepass registry-config --for zot), and restart it.
`, names("jwks"), in(token.Retention))
	case token.PublishCA:
		return fmt.Sprintf(`
The next CA is published beside the present one, which goes on to vouch for the key that signs.
1. Give each registry of %s
   the bundle with both, and restart it. That may be done at any time from now on:
     shorepass registry-config %s --service SERVICE --for v3 --out DIR
   (or fetch %s/realms/%s/ca.pem)
2. When all of them were restarted, and not before %s:
     shorepass keys rollover-ca activate %s
`, names("x5c"), ours, cfg.PublicURL, realm.Name, in(token.Settle), ours)
	case token.ActivateCA:
		return fmt.Sprintf(`
It vouches for a new key, which signs from now on. Registries need nothing now.
From %s on, when the last token under the CA before has expired:
     shorepass keys rollover-ca finish %s
`, in(token.Retention), ours)
	case token.RetireCA:
		return fmt.Sprintf(`
It is in the bundle no more. Give each registry of %s
the bundle anew, and restart it when that suits; until then it trusts both:
     shorepass registry-config %s --service SERVICE --for v3 --out DIR
`, names("x5c"), ours)
	}
	return ""
}
