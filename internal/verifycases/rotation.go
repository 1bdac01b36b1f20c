package verifycases

import (
	"testing"

	"github.com/shorepass/shorepass/broker/token"
)

// rotations is how many keys a registry is shown, of which some may have what most
// have not: one in 128 has a coordinate that begins with a zero byte.
const rotations = 200

// testRotation rotates the leaf under a registry that is never restarted.
func testRotation(t *testing.T, open Open) {
	r := own(t, token.ES256)
	v := verifier{verify: newVerifier(t, open, r)}
	pull, good := pullOnly()
	first := r.issueAt(t, 0, good)
	for range rotations {
		before := r.issueAt(t, 0, good)
		if _, err := r.Rotate(); err != nil {
			t.Fatal(err)
		}
		v.want(t, before, pull, accepted)
		v.want(t, r.issueAt(t, 0, good), pull, accepted)
	}
	v.want(t, first, pull, accepted)
	r.reopen(t)
	v.want(t, r.issueAt(t, 0, good), pull, accepted)
}

// testAlgorithmChange restarts the program with another algorithm, there and back,
// under a registry that is never restarted.
func testAlgorithmChange(t *testing.T, open Open) {
	r := own(t, token.ES256)
	v := verifier{verify: newVerifier(t, open, r)}
	pull, good := pullOnly()
	tokens := []string{r.issueAt(t, 0, good)}
	for _, algorithm := range []string{token.RS256, token.ES256} {
		r.config.Algorithm = algorithm
		r.reopen(t)
		tokens = append(tokens, r.issueAt(t, 0, good))
	}
	for _, raw := range tokens {
		v.want(t, raw, pull, accepted)
	}
}
