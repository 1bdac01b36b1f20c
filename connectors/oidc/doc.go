// Package oidc signs people in with their account at an OpenID provider, such as
// Keycloak, by the password grant (RFC 6749 §4.3).
//
// The typed name and password go to the provider's token endpoint, once, and the ID
// token that comes back says who the person is and what groups they are in (OpenID
// Connect Core 1.0). What leaves this package is the name in the token's claim, lower
// case, and issuer and subject as the stable id; never what was typed.
//
// A provider does not tell a wrong password from a name that it does not know, so the
// connector never answers [connectors.ErrNotMine]: it ends the chain for what it
// handles. Nobody can be looked up without a password either.
//
// Logins of one account are one after the other, be it by other names or connectors: see
// [Accounts]. A login counts for two seconds for those with the same name and password: while
// its brute-force protection is on, Keycloak refuses logins of an account while another is
// under way or has barely ended, as if the password were wrong. After a login that has failed,
// the next of that account waits until a second has passed: Keycloak locks an account two of
// whose logins fail within one. So that guessing keeps nobody out, eight different passwords
// wait of one account at most, one that was right in the last twelve hours goes first, and a
// login that nobody waits for any more is not sent: see [connectors.Sending]. The provider is
// asked for 32 logins at a time, and others wait as for any directory: see [connectors.Burst].
// What is too much fails at once, as an outage, and what has waited for its account for four
// seconds does then.
// After a login that was sent and given up, a wrong password of the same account is in doubt
// for 15 seconds: see [connectors.InDoubt].
//
// # The provider's documents
//
// The discovery document and the keys are fetched when the first login needs them, so
// that the program starts while the provider is down, and then every ten minutes in
// the background. A fetch that fails changes nothing: the last good documents stay,
// and no key is forgotten because a token named another one. A token with a key that
// is not known yet, as after a rotation, has them fetched at once, twice a minute at
// most, whatever tokens name.
//
// # The ID token
//
// It is verified as OpenID Connect Core §3.1.3.7 says, and beyond: signed by a key of
// the provider's with one of the configured algorithms, all of which are asymmetric;
// the issuer, the audience and, where it is named, the authorized party are right; it
// has not expired, and was issued no more than ten minutes ago (Entra ID sets that time
// back by five) and no more than a minute ahead. Keys that a token brings or points to by
// itself (jwk, jku, x5u, x5c) count for nothing.
//
// A token that fails is the provider's fault or that of the configuration: an outage,
// not a failed login. So is every answer of the provider that does not speak of this
// account or password: see the table in refusal.go.
//
// # Claims
//
// A claim is named by a path. It is the whole name of a claim where the token has one
// of that name; else it is split at a dot, the longest first part that the token has
// an object for, and the rest is looked for in there by the same rule. So
// realm_access.roles finds the roles in realm_access, and a name that holds dots
// itself, such as https://corp.example/groups or a client id in resource_access, needs
// no marks.
//
// The userinfo endpoint is asked for what the ID token lacks. Groups are a list of
// texts; a leading slash, by which Keycloak marks the path of a group, is left off, so
// that /platform/oncall is platform/oncall. A missing claim means no groups, since
// Keycloak leaves it out for people who have none, unless groups_required is set.
// Groups that the provider did not put into the token because there are too many
// refuse the login: fewer groups can mean fewer denies.
package oidc
