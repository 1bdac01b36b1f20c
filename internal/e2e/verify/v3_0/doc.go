// Package verify tests the tokens of Shorepass with the verifier of registry
// 3.0: github.com/distribution/distribution/v3 v3.0.0.
package verify
