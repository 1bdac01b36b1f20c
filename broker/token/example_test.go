package token_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

func Example() {
	data, err := os.MkdirTemp("", "shorepass")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(data) }()

	ring, err := token.Open(token.Config{Dir: filepath.Join(data, "realms", "corp"), Realm: "corp"})
	if err != nil {
		log.Print(err)
		return
	}
	issued, err := ring.Issue(token.Grant{
		Issuer:   "https://auth.example/realms/corp",
		Subject:  "directory:alice",
		Audience: "registry.example",
		Access:   []token.Access{{Type: "repository", Name: "team/app", Actions: []string{"pull", "push"}}},
		TTL:      5 * time.Minute,
	})
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(strings.Count(issued.Raw, "."), "dots, good for", issued.TTL)
	// Output: 2 dots, good for 5m0s
}

func ExampleRing_Rotate() {
	data, err := os.MkdirTemp("", "shorepass")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(data) }()

	ring, err := token.Open(token.Config{Dir: filepath.Join(data, "realms", "corp"), Realm: "corp"})
	if err != nil {
		log.Print(err)
		return
	}
	if _, err := ring.Rotate(); err != nil {
		log.Print(err)
		return
	}
	for _, k := range ring.Keys() {
		fmt.Println(k.Kind, k.Use, k.Algorithm)
	}
	// Output:
	// ca issuing ES256
	// leaf signing ES256
	// leaf retired ES256
	// jwks signing ES256
}

// A key that registries know by the JWKS is published before it signs.
func ExampleRing_Do() {
	data, err := os.MkdirTemp("", "shorepass")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(data) }()

	ring, err := token.Open(token.Config{
		Dir: filepath.Join(data, "realms", "corp"), Realm: "corp",
		Trust: map[string]token.Trust{"v3.example": token.JWKS},
	})
	if err != nil {
		log.Print(err)
		return
	}
	if _, err := ring.Do(token.PublishKey, false); err != nil {
		log.Print(err)
		return
	}
	_, err = ring.Do(token.ActivateKey, false)
	var refusal token.Refusal
	fmt.Println("too early:", errors.As(err, &refusal))
	if _, err := ring.Do(token.ActivateKey, true); err != nil { // every registry has it
		log.Print(err)
		return
	}
	for _, k := range ring.Keys() {
		fmt.Println(k.Kind, k.Use, k.Algorithm)
	}
	// Output:
	// too early: true
	// ca issuing ES256
	// jwks signing ES256
	// jwks retired ES256
}
