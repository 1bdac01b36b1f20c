// Package verifycases holds the token verifier of a registry to the tokens that
// package token issues: every form of them is accepted for what it grants and for
// nothing else, through rotations, with a verifier made once, as a registry makes it.
//
// The verifiers themselves come with the registries' modules. Each version is
// tested in a module of its own below internal/e2e/verify, which calls [Run], so that
// neither this module nor the others depend on it.
package verifycases
