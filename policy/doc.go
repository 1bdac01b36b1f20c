// Package policy answers one question: may they?
//
// It takes who somebody is and what they ask for, and says for every asked action
// whether it is granted and which rule decided. It knows nothing of passwords,
// tokens or HTTP, reads no files and no clock, and cannot fail when it decides:
// [Compile] has checked everything before, and [Policy.Decide] always answers.
//
// What follows is the manual of the rule language.
//
// # Rules
//
// The policy of a realm is a list of rules:
//
//	rules:
//	  - name: platform owns its namespace
//	    groups: [directory:platform]
//	    repositories: [platform/**]
//	    allow: [pull, push, delete]
//	  - name: everybody has a home
//	    users: ["directory:*"]
//	    repositories: ["home/{user}/**"]
//	    allow: [pull, push, delete]
//	  - name: team spaces
//	    groups: ["directory:registry-*"]
//	    repositories: ["{*}/**"]
//	    allow: [pull, push]
//	  - name: release freeze
//	    groups: [directory:contractors]
//	    repositories: [release/**]
//	    deny: [push, delete]
//	  - name: signed-in people read the base images
//	    authenticated: true
//	    repositories: [base/**]
//	    allow: [pull]
//	  - name: the world reads public images
//	    anyone: true
//	    repositories: [public/**]
//	    allow: [pull]
//	  - name: auditors may list everything
//	    groups: [directory:audit]
//	    allow: [catalog]
//
// What somebody is granted is what they asked for, as far as a matching rule
// allows it and no matching rule denies it. A deny always wins, and the order of
// the rules never matters. What no rule speaks of is refused.
//
// A rule matches when one of its subjects does, one of its repository patterns
// does, and its services and networks, if it has any, hold too.
//
//	name           by which decisions are explained; unique in the realm
//	groups         subjects: members of a group that a pattern matches
//	users          subjects: people whose name a pattern matches
//	authenticated  subjects, if true: everybody who is signed in, machines too
//	anyone         subjects, if true: everybody, signed in or not
//	services       only for these registries, by their exact names
//	networks       only for clients in these networks
//	repositories   the patterns of the repositories spoken of
//	allow, deny    the actions; a rule has one of the two
//
// # Actions
//
// The actions on a repository are pull, push and delete; "*" means these three.
// Registries want pull as well for every push.
//
// The action catalog is the list of all repositories of the realm's registries. It
// belongs to no repository: a rule about it takes no repositories and speaks of
// nothing else, and "*" does not include it.
//
// # Subjects
//
// Groups and users are always named with the connector that vouches for them, as
// connector:name; the name begins after the first colon and may have colons and
// slashes of its own. In either part, "*" stands for any run of characters, none
// included and slashes too. Users are called by a-z, 0-9 and . _ @ + - alone; groups
// may have any character that can be seen.
//
//	directory:platform      the group (or user) platform of the connector directory
//	directory:team-*        team-a, team-b, team-, …
//	sso:platform/oncall     a group whose name is a path
//	sso:platform/*          every group below /platform, however deep
//	*:admins                the group admins of every connector
//
// Somebody who is not signed in is matched by anyone alone, never by
// "directory:*".
//
// A rule with several subjects, of one kind or of several, matches if any of them
// does. A deny is met like an allow: whoever is in a denied group is refused,
// whatever other groups they are in.
//
// # Repositories
//
// A pattern is compared with the whole name, path segment by path segment:
//
//	platform/app     that repository alone
//	platform/*       platform/app; not platform/app/web
//	platform/web*    platform/web, platform/web-shop
//	platform/**      platform/app, platform/app/web; not platform itself, nor platform-evil/app
//	**/cache         team/cache, team/app/cache; not cache
//	a/**/b           a/x/b, a/x/y/b; not a/b
//	**               every repository
//
// "*" stands for any run of characters, none included, within one segment; "**" is
// a segment of its own and stands for one or more whole segments. There are no
// regular expressions and no character classes.
//
// A host before the name is an ordinary first segment, with its port if it has
// one: registry.corp.example:5000/team/* names what it says, and */team/* matches
// it as well.
//
// # Templates
//
// A whole segment of a pattern may be a template (YAML wants quotes around a text
// that starts with a brace or a star):
//
//	{user}    the user's name, without the connector
//	{group}   the name of the group that the rule matched by, without the connector
//	{*}       what the one star in the name part of the matching groups or users pattern stood for
//
// So with groups ["directory:registry-*"] and repositories ["{*}/**"], a member of
// registry-web and registry-ops has web/** and ops/**. Every matching group and
// every matching pattern is tried on its own; the values of two are never mixed.
//
// What a template stands for is compared as it is, never read as a pattern: a user
// or group called "*" gets nothing by it. A value that cannot be a segment of a
// repository name (upper case, a slash, "..", an @) matches nothing, and the
// decision carries a warning that says so, if the rule would otherwise have spoken
// of the repository.
//
// A template for which some subject of the rule has no value is an error when the
// policy is loaded: {user} with anyone; {group} with anything but groups; {*} with
// anything but groups and users patterns that each have exactly one star after the
// colon. Make two rules of such a rule.
//
// # Services and networks
//
//	services: [registry.corp.example]
//	networks: [10.0.0.0/8, "2001:db8::/32"]
//
// Networks are an address and a prefix length, with no bits set beyond it, since
// 10.0.0.5/8 might be meant for one address or for the whole network. IPv4 clients
// are compared as IPv4, however their address reached the program.
//
// A client address or a service that is not known satisfies every deny and no
// allow that asks for one.
//
// # Ceilings
//
// A login may carry a ceiling, such as an access token that was made for pulling
// from one team's repositories. It never adds a right: what the rules allow and
// the ceiling does not cover is refused, with the reason "ceiling". The zero
// [Ceiling] covers nothing; [Unlimited] says outright that there is none. See
// [ParseCeiling], and [Ceiling.Covers] for whether one lies within another.
//
// # What is asked
//
// Clients ask in scopes, such as repository:team/app:pull,push; see [ParseScope].
// Duplicates are merged and their order is ignored. repository:NAME:* stands for
// pull, push and delete, each decided on its own. registry:catalog:* is granted as
// it is, to those who are allowed catalog. Every other type or action is refused.
//
// # Mistakes
//
// A policy with a mistake is not loaded. A deny with a misspelt name would
// otherwise deny nothing, so whatever can be known to match nothing is an error,
// reported with its line and column, all at once: a connector or a service that
// the realm does not have, a user or group without its connector, an unknown
// action, a character that no user has, upper case where names have none
// (repositories, users, and groups, if any connector that is meant hands them out
// in lower case: "*:Ops" would deny nothing to its ops), any other spelling that
// it gives no group, a segment that no repository name can have, a malformed network.
//
// [Lint] warns of what can be loaded and is probably not meant:
//
//   - push without pull, unless other rules allow pull to the same subjects on the
//     same repositories;
//   - a rule that changes nothing, because other rules deny or allow all of it:
//     an allow within denies, a rule within others of its kind. A deny is not
//     reported for the lack of allows that it could limit: it may guard against
//     rules to come;
//   - a name that can never be a segment of a repository name where a template
//     needs one;
//   - a deny by groups of a connector that lets a user in without knowing all his
//     groups: it would not hold for him;
//   - groups of a connector that gives none.
//
// Of each of these, a hundred are listed, and how many there are besides.
//
// # How it is decided
//
// The rules are indexed by subjects and repositories: by connectors, by whole names
// and by what stands before, between and after the stars of patterns, and of
// several ** as well. Templates stand in the index as *. Of rules that match in the
// same way, only the first to speak of an action is kept there. The index only
// narrows the choice; each rule that it finds is matched by the plain comparison
// described above.
//
// So a decision takes as long as the rules that it finds, not as there are: 1 to 5
// µs under ten thousand rules that differ in their subjects or in their patterns
// (BenchmarkDecide has the ways in which they may; one core of a small server).
// Rules that the index cannot tell apart are looked at one by one:
//
//   - many that match the same subject and differ in their networks or services
//     alone: 0.02 to 0.04 µs each, up to 0.4 ms for ten thousand;
//   - many whose patterns differ and yet all match the same name, such as a/*/c/**
//     and */b/c/**: 0.1 to 1 µs each, the more the longer the patterns are, up to
//     15 ms for ten thousand.
//
// Each group of the subject is looked up, so that a member of a thousand groups takes
// some 0.1 ms.
//
// Matching a single pattern is linear in the name for each ** and each star: no
// pattern and no name makes it slow. [Lint] takes about 20 ms for ten thousand
// rules, and below 1 s where all of them overlap: there it looks at no more than
// 128 others for each, and may miss that a rule changes nothing.
package policy
