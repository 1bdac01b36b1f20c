// Package webhook signs people in by asking an HTTP endpoint: a connector outside of this
// program, in any language.
//
// Every question is a POST of JSON to one address, and every answer JSON with the status
// 200; docs/webhook.md describes them, and docs/webhook-openapi.yaml in OpenAPI's terms.
// The action of a question is one of the two steps of a [connectors.Directory], locate and
// verify; resolve, for a [connectors.Resolver]; or probe. An endpoint need know verify alone:
// the others are for those whose configuration says so.
//
// # What is sent, and where
//
// Passwords go to the configured address and nowhere else: over TLS, over a unix socket, or
// over plain HTTP on this machine. Redirects are not followed, and the environment's proxies
// count for nothing. Questions are signed as Standard Webhooks 1.0 has it (HMAC-SHA256 over
// id, time and body), so that nobody else can use the endpoint to try passwords.
//
// # What an answer is worth
//
// An answer is taken whole or not at all: an unknown, missing or repeated field, another type
// of content, a status other than 200, an account other than the one that was asked for, are
// outages, and no word about the user. So what stands in front of the endpoint can refuse
// nobody with a 401 or 404 of its own, and a misspelled "groups" lets nobody past what is
// denied to them.
package webhook
