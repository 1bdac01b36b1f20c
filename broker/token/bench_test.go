package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"path/filepath"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/shorepass/shorepass/broker/token"
)

// BenchmarkIssue issues tokens as a push asks for them; BenchmarkSignES256 beside it
// is the signature alone.
func BenchmarkIssue(b *testing.B) {
	for _, algorithm := range token.Algorithms() {
		ring, err := token.Open(token.Config{Dir: filepath.Join(b.TempDir(), "corp"), Realm: "corp", Algorithm: algorithm})
		if err != nil {
			b.Fatal(err)
		}
		grant := pull()
		grant.Access[0].Actions = []string{"pull", "push"}
		b.Run(algorithm, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ring.Issue(grant); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkIssueParallel(b *testing.B) {
	ring, err := token.Open(token.Config{Dir: filepath.Join(b.TempDir(), "corp"), Realm: "corp"})
	if err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := ring.Issue(pull()); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkSignES256(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	input := string(make([]byte, 1200)) // about the length of a token
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jwt.SigningMethodES256.Sign(input, key); err != nil {
			b.Fatal(err)
		}
	}
}
