package oidc_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/shorepass/shorepass/connectors/oidc"
)

// TestWeakKeys holds that a short RSA key is none.
func TestWeakKeys(t *testing.T) {
	for bits, want := range map[int]int{1024: 0, 2040: 0, 2048: 1, 4096: 1} {
		modulus := base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, bits/8))
		n, err := oidc.ParseKeys(fmt.Appendf(nil, `{"keys":[{"kty":"RSA","kid":"a","e":"AQAB","n":%q}]}`, modulus))
		if n != want || (err == nil) != (want == 1) {
			t.Errorf("%d bits: %d usable keys, error %v", bits, n, err)
		}
	}
}
