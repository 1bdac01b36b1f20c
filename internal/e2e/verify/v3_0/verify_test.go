package verify_test

import (
	"net/http"
	"testing"

	"github.com/distribution/distribution/v3/registry/auth"
	_ "github.com/distribution/distribution/v3/registry/auth/token" // registers "token"

	"github.com/shorepass/shorepass/internal/verifycases"
)

func TestVerifier(t *testing.T) {
	verifycases.Run(t, verifycases.Registry{EdDSA: true, JWKS: true}, func(options map[string]any) (verifycases.Verifier, error) {
		controller, err := auth.GetAccessController("token", options)
		if err != nil {
			return nil, err
		}
		return func(r *http.Request, wanted []verifycases.Access) error {
			_, err := controller.Authorized(r, accessOf(wanted)...)
			return err
		}, nil
	})
}

func accessOf(wanted []verifycases.Access) []auth.Access {
	var out []auth.Access
	for _, w := range wanted {
		out = append(out, auth.Access{Resource: auth.Resource{Type: w.Type, Name: w.Name}, Action: w.Action})
	}
	return out
}
