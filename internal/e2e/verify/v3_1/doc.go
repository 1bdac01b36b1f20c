// Package verify tests the tokens of Shorepass with the verifier of registry
// 3.1: github.com/distribution/distribution/v3 v3.1.2.
package verify
