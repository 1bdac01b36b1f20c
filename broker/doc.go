// Package broker joins who somebody is with what they may do: it is the one path
// from a token request to a signed token.
//
// [Broker.Token] reads top to bottom: which realm, what is asked, who asks, what
// the policy grants, the token. Every request ends there, a malformed one too, so
// that a thin wrapper writes one audit entry for every outcome; when the entry
// cannot be written, a grant becomes a refusal.
//
// Failures are [*Error] values of a [Kind]; package server turns kinds into
// statuses. The broker knows nothing of HTTP.
package broker
