// Package verify tests the tokens of Shorepass with the verifier of registry
// 2.8: github.com/docker/distribution v2.8.3.
package verify
