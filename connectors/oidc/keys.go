package oidc

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// Bounds of a key set. What one login may cost is the number of keys of one id.
const (
	maxKeys      = 100
	minRSALength = 2048 // bits (RFC 7518 §3.3)
)

// Why a token cannot be verified.
var (
	errNoKey     = errors.New("it is signed with a key that the provider does not publish")
	errSignature = errors.New("its signature is not right")
)

// keys are the provider's keys that can have signed a token.
type keys []jose.JSONWebKey

// parseKeys reads a key set (RFC 7517 §5). Keys that are not understood, are private,
// or are not for signatures are left out, as the RFC wants; a set without any other is
// none.
func parseKeys(body []byte) (keys, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, errors.New("it is not a key set")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("it holds more than %d keys", maxKeys)
	}
	var usable keys
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if err := json.Unmarshal(raw, &k); err != nil {
			continue
		}
		if isUsable(k) {
			usable = append(usable, k)
		}
	}
	if len(usable) == 0 {
		return nil, errors.New("it holds no public key for signatures")
	}
	return usable, nil
}

// isUsable reports whether the key is a public one for signatures, and not a weak one.
func isUsable(k jose.JSONWebKey) bool {
	if !k.Valid() || !k.IsPublic() || k.Use != "" && k.Use != "sig" {
		return false
	}
	of, ok := k.Key.(*rsa.PublicKey)
	return !ok || of.N.BitLen() >= minRSALength
}

// verify returns the payload of a signed token. It fails with errNoKey where no key has
// the id that the token names, else with errSignature. A token that names none (OpenID
// Connect Core §10.1) is tried with every key.
func (k keys) verify(token *jose.JSONWebSignature) ([]byte, error) {
	header := token.Signatures[0].Header
	err := errNoKey
	for _, key := range k {
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		payload, failed := token.Verify(key.Key)
		if failed == nil {
			return payload, nil
		}
		if header.KeyID != "" {
			err = errSignature
		}
	}
	return nil, err
}

// verifier checks signatures with the keys that a keeper has. The library's own key
// set asks the provider anew for every key id that it does not know.
type verifier struct {
	keeper     *keeper
	algorithms []jose.SignatureAlgorithm
}

var _ oidc.KeySet = (*verifier)(nil)

// VerifySignature returns the payload of a token in compact form. Where no key fits,
// newer ones are fetched, as often as the keeper allows.
func (v *verifier) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	token, err := jose.ParseSignedCompact(raw, v.algorithms)
	if err != nil {
		return nil, err
	}
	m, err := v.keeper.get(ctx)
	if err != nil {
		return nil, err
	}
	payload, err := m.keys.verify(token)
	// What comes first may have been on its way before the key was published.
	for tries := 2; err != nil && tries > 0; tries-- {
		var missing error
		if m, missing = v.keeper.newerThan(ctx, m); missing != nil {
			return nil, fmt.Errorf("%w, and there are no newer ones: %w", err, missing)
		}
		payload, err = m.keys.verify(token)
	}
	return payload, err
}
