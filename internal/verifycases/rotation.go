package verifycases

import (
	"path/filepath"
	"testing"

	"github.com/shorepass/shorepass/broker/token"
)

// rotations is how many keys a registry is shown, of which some may have what most
// have not: one in 128 of the curve P-256 has a coordinate that begins with a zero byte.
// RSA keys have nothing of the kind, and take long to make.
func rotations(algorithm string) int {
	if algorithm == token.RS256 {
		return 3
	}
	return 200
}

// testRotation rotates the leaf under a registry that is never restarted.
func testRotation(t *testing.T, open Open, algorithm string) {
	r := own(t, algorithm)
	v := verifier{verify: newVerifier(t, open, r)}
	pull, good := pullOnly()
	first := r.issueAt(t, 0, good)
	for range rotations(algorithm) {
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
	for _, algorithm := range []string{token.RS256, token.ES384, token.ES256} {
		r.config.Algorithm = algorithm
		r.reopen(t)
		tokens = append(tokens, r.issueAt(t, 0, good))
	}
	for _, raw := range tokens {
		v.want(t, raw, pull, accepted)
	}
}

// do does an act on keys, however early.
func (r *issuing) do(t *testing.T, a token.Act) {
	t.Helper()
	if _, err := r.Do(a, true); err != nil {
		t.Fatal(err)
	}
}

// testRollover replaces the CA. A registry needs a restart with both before the new one
// vouches, and with the new one alone some time after.
func testRollover(t *testing.T, open Open) {
	r := own(t, token.ES256)
	pull, good := pullOnly()
	start := func() verifier {
		r.bundle = r.Bundle()
		return verifier{verify: newVerifier(t, open, r)}
	}
	before := start()
	old := r.issueAt(t, 0, good)
	r.do(t, token.PublishCA)
	both := start()
	for _, raw := range []string{old, r.issueAt(t, 0, good)} {
		before.want(t, raw, pull, accepted)
		both.want(t, raw, pull, accepted)
	}
	r.do(t, token.ActivateCA)
	for range 2 {
		fresh := r.issueAt(t, 0, good)
		before.want(t, fresh, pull, invalid)
		both.want(t, fresh, pull, accepted)
		both.want(t, old, pull, accepted)
		r.reopen(t)
	}
	r.do(t, token.RetireCA)
	after := start()
	for range 2 {
		fresh := r.issueAt(t, 0, good)
		both.want(t, fresh, pull, accepted)
		after.want(t, fresh, pull, accepted)
		after.want(t, old, pull, invalid)
		r.reopen(t)
	}
}

// testPublished has a key give way to the next, of every algorithm, while leaves rotate
// beside it. A registry needs one restart between the two steps, at any time.
func testPublished(t *testing.T, open Open) {
	r := openRing(t, token.Config{
		Dir: filepath.Join(t.TempDir(), "corp"), Realm: "corp",
		Trust: map[string]token.Trust{service: token.JWKS, "other.example": token.X5C},
	})
	r.trust = []token.Trust{token.JWKS}
	pull, good := pullOnly()
	v := verifier{verify: newVerifier(t, open, r)}
	for _, algorithm := range append(token.Algorithms(), token.ES256) {
		r.config.Algorithm = algorithm
		r.reopen(t) // leaves are of the new kind, and the key is not
		old := r.issueAt(t, 0, good)
		v.want(t, old, pull, accepted)
		r.do(t, token.PublishKey)
		r.do(t, token.RotateKeys)
		v.want(t, r.issueAt(t, 0, good), pull, accepted)
		notRestarted, restarted := v, verifier{verify: newVerifier(t, open, r)}
		restarted.want(t, r.issueAt(t, 0, good), pull, accepted)
		r.do(t, token.ActivateKey)
		r.do(t, token.RotateKeys)
		for range 2 {
			fresh := r.issueAt(t, 0, good)
			restarted.want(t, fresh, pull, accepted)
			restarted.want(t, old, pull, accepted)
			notRestarted.want(t, fresh, pull, invalid)
			r.reopen(t)
		}
		v = verifier{verify: newVerifier(t, open, r)} // what is retired is published
		v.want(t, old, pull, accepted)
	}
}
