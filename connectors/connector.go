package connectors

import (
	"context"
	"log/slog"
	"net/netip"
	"time"
)

// Credentials are what a client sent: from HTTP Basic (RFC 7617) or from the
// form fields of an OAuth2 password grant (RFC 6749 §4.3) or refresh grant (§6).
type Credentials struct {
	Username string     // as typed
	Password Secret     // never logged, never stored
	RemoteIP netip.Addr // the client's address; the zero Addr where it is not known
	Refresh  bool       // the password came in a refresh grant: it was an identity token once, and is nobody's password
}

// IdentityKind says what an identity stands for.
type IdentityKind int

// The kinds of identity.
const (
	Person   IdentityKind = iota // a human being with an account
	Robot                        // a machine account of Shorepass itself
	Workload                     // a job or pod that an issuer vouches for
)

// String returns the kind's lower-case name, as audit lines show it.
func (k IdentityKind) String() string {
	switch k {
	case Person:
		return "person"
	case Robot:
		return "robot"
	case Workload:
		return "workload"
	}
	return "unknown"
}

// Identity is who a connector says the client is.
type Identity struct {
	Connector string         // whose account it is: the name of the owning connector in the realm
	Via       string         // the connector that vouched; the same, but for tokens issued on an account's behalf
	Kind      IdentityKind   // what the identity stands for
	ID        string         // stable id (entryUUID, objectGUID, iss+sub): never the e-mail, never what was typed
	Username  string         // canonical name as the directory has it: UsernameForm.Parse returns it as it is
	Aliases   []string       // what else may be typed, as the upstream vouches: failed logins by these count for the account, too; in canonical form
	Groups    []string       // bare names; the broker composes and qualifies them as connector:group
	Claims    map[string]any // what else the connector learned; nothing of it is secret
	Ceiling   Ceiling        // the most that this login may do; the zero Ceiling grants nothing
	Token     string         // the public id of the access token that was sent in place of a password; empty: none was
	Until     time.Time      // when what was sent ends: nothing that is given for it outlives that; zero: it has no end of its own
	Answer    Answer         // where the answer comes from
}

// Answer is where an identity comes from: the upstream itself, or what it said before.
type Answer string

// The answers.
const (
	AnswerUpstream Answer = ""      // the upstream was asked
	AnswerCache    Answer = "cache" // it gave this answer a moment ago
	AnswerStale    Answer = "stale" // likewise, longer ago, and it does not answer now
)

// Ceiling bounds what a login may do, as scope texts that only package policy
// reads. The zero value is a ceiling of nothing, so that a connector which forgets
// to set one widens no rights.
type Ceiling struct {
	unlimited bool
	scopes    []string
}

// Unlimited is the ceiling of a login that may do all its owner may do.
func Unlimited() Ceiling { return Ceiling{unlimited: true} }

// Limited is a ceiling of the given scopes, such as "repository:team/**:pull".
func Limited(scopes ...string) Ceiling { return Ceiling{scopes: append([]string(nil), scopes...)} }

// IsUnlimited reports whether the ceiling bounds nothing.
func (c Ceiling) IsUnlimited() bool { return c.unlimited }

// Scopes returns the scope texts of a limited ceiling.
func (c Ceiling) Scopes() []string { return append([]string(nil), c.scopes...) }

// Connector says who somebody is. Implementations are safe for concurrent use.
type Connector interface {
	// Handles says, without I/O, whether such credentials could be ours at all:
	// a token's prefix or shape, the usernames guard, a listed name.
	Handles(c Credentials) bool

	// Authenticate returns the identity behind the credentials. It fails with
	// [ErrNotMine] (the next connector that handles the credentials is asked),
	// with [ErrRejected] (stop; see [Reject]) or with any other error (an outage:
	// stop, never fall through, never count it as a failed login).
	Authenticate(ctx context.Context, c Credentials) (Identity, error)
}

// Account is an account that a [Directory] has found but not yet checked a
// password for.
type Account struct {
	ID       string // stable id, as in Identity; empty where the directory cannot know it before a login
	Username string // canonical name, lower case
	Detail   any    // the directory's own, handed back to it unread; immutable
}

// Directory is what a connector that checks passwords implements; guard.Password
// makes a [Connector] of it. Implementations are safe for concurrent use.
//
// Each call bounds its own time, to four seconds at most: package guard gives up on one that
// goes on, and takes that for an outage that is everybody's. One that lets logins wait marks
// what has waited in vain with [ErrBusy], and what was not answered for a wait: see [CutShort].
type Directory interface {
	// Locate finds the account of a user name that already has the form of
	// [UsernameForm.Parse]. It fails with [ErrNotMine] where the directory knows that it
	// has no such user, with [ErrRejected] where the name is no one account's, and
	// with any other error in an outage. An outage that is everybody's is marked with
	// [Unreachable].
	Locate(ctx context.Context, username string) (Account, error)

	// Verify checks the password of a located account and returns the identity. It
	// fails with [ErrRejected] or, in an outage, with any other error; with [ErrNotMine]
	// where Locate could not know that there is no such user and this can. What the
	// upstream may have counted as a wrong password, and may not be one, is an outage
	// marked with [InDoubt], and sent once more within a call only where [MayResend] says so.
	// An empty password never reaches it.
	Verify(ctx context.Context, a Account, password Secret) (Identity, error)
}

// Resolver is implemented by connectors and directories that can look an account
// up again without its password.
type Resolver interface {
	// Resolve returns the identity with the given stable id as it is now. It fails
	// with [ErrGone] when the account was deleted, is disabled as far as the connector
	// can tell, or lies outside the configured filter, and with any other error in an
	// outage. Some can tell only when a password is checked: their package comment
	// says so.
	Resolve(ctx context.Context, id string) (Identity, error)
}

// Upstreamed is implemented by a [Directory] whose accounts may be those of another one,
// too: of another realm, say. Failed logins are counted for the account, wherever they came.
type Upstreamed interface {
	// Upstream names the space in which [Account.ID] means one account, or, of accounts
	// without one, the user name does: two directories with the same one have the same
	// accounts.
	Upstream() string
}

// Refuser is implemented by connectors that count failed logins.
type Refuser interface {
	// RefuseUnknown counts a failed login by a name that no connector of the realm knows, as
	// if there were such an account. It fails with a [Throttled] where there were too many,
	// with [ErrBusy] where it did not come to that before the context ended, and with
	// [ErrNotMine] where this is not the form of a name here.
	RefuseUnknown(ctx context.Context, c Credentials) error

	// RefuseNoName does the same for what is the form of a name to no connector of the
	// realm: what is typed is counted as it is.
	RefuseNoName(ctx context.Context, c Credentials) error
}

// Lister is implemented by a [Directory] that knows all its user names without
// I/O: it is asked for those alone.
type Lister interface {
	// Lists reports whether the canonical user name is one of the directory's.
	Lists(username string) bool

	// Usernames returns the directory's canonical user names, sorted.
	Usernames() []string
}

// Bounded is implemented by directories that have bounds of their own on how much is asked
// of the upstream at once: they know who of those that wait is to go first. They say by [Sending]
// when they are done with waiting; until then the context of Verify ends when nobody waits for
// the login any more.
type Bounded interface {
	// Bound sets how many logins the upstream is asked about at once at most; 0: any number.
	// It is called once, before the first.
	Bound(atOnce int)
}

// Forgetter is implemented by directories that answer some logins by what the upstream said
// of those a moment ago: their identities have [AnswerCache].
type Forgetter interface {
	// Forget has the upstream asked anew about the accounts that go by a canonical user name,
	// or that somebody signed in to by it; about all where it is empty.
	Forget(username string)
}

// LoginObserver is implemented by connectors that keep what logins show of the accounts
// of others.
type LoginObserver interface {
	// LoggedIn is told the identity of everybody who has signed in at another connector of
	// the realm, with that connector's own password, and when the login began: what it shows
	// is no newer. It returns at once.
	LoggedIn(id Identity, begun time.Time)
}

// Type is one type of connector, handed to the program's wiring under its name.
type Type struct {
	// Config returns a pointer to a new configuration struct that holds the
	// defaults. The configuration loader fills it strictly: keys are its yaml tags,
	// unknown keys are errors. If it implements [Validator], that is asked next.
	Config func() any

	// New checks and prepares; it reads files but never dials, so that a directory
	// which is down cannot stop a start. config is what Config returned, filled. A
	// connector that holds resources also implements io.Closer.
	New func(config any, d Deps) (Connector, error)

	// Directory is New for a type that checks passwords, and stands in its place: the
	// program puts the guards around what it returns, which the configuration's guard key
	// sets.
	Directory func(config any, d Deps) (Directory, error)

	// Groups is the form of the groups of this type's identities: another spelling in a
	// rule about them is a mistake.
	Groups GroupForm

	// Tokens says that connectors of this type take the tokens that Shorepass itself hands
	// out, and nothing else: see [Member]. Who brings one counts as its owner, an account
	// of another connector, so that rules name no users or groups of these.
	Tokens bool
}

// Deps is what a connector is given besides its configuration.
type Deps struct {
	Realm     string           // the realm's name
	Name      string           // the connector's name within the realm; Identity.Connector
	Form      UsernameForm     // of the realm's user names
	Usernames UsernamePatterns // the usernames guard: which names may be sent to the connector
	Logger    *slog.Logger     // already carries realm and connector
	AtOnce    int              // how many logins a Directory is asked about at once at most; 0: any number
	Hung      *Hung            // of the process; nil: of this connector alone

	// Sibling returns the realm's connector of that name. Which there are is known only
	// when all are open: New must not call it.
	Sibling func(name string) (Connector, bool)
}

// Validator is implemented by configuration structs that can tell more than their
// types do. All problems are reported at once.
type Validator interface {
	// Validate returns what is wrong, without I/O.
	Validate() []FieldProblem
}

// Grouped is implemented by configuration structs that can tell whether identities
// will have groups at all, so that a rule about groups where there are none is seen.
type Grouped interface {
	HasGroups() bool
}

// Ceiled is implemented by configuration structs that have a list of ceilings: scope texts
// that only package policy reads.
type Ceiled interface {
	// Ceilings returns the scopes, and the path of yaml keys from the struct to their list.
	Ceilings() (field string, scopes []string)
}

// TokenAdviser is implemented by configuration structs that may go badly with access
// tokens: by these people are let in whom the connector looks up without a password.
type TokenAdviser interface {
	// TokenAdvice returns what is probably not meant in a realm that takes access tokens.
	TokenAdvice() []FieldProblem
}

// ChainEnder is implemented by configuration structs of connectors that may be unable to
// tell who is unknown: a connector that never answers [ErrNotMine] ends the chain for all
// names that it takes, and one after it that takes no others could never be asked.
type ChainEnder interface {
	EndsChain() bool
}

// Connected is implemented by configuration structs that can tell how many connections their
// connector has: of one that cannot, it is taken to be two for each login.
type Connected interface {
	// Connections returns how many connections to the upstream there are at once at most, where
	// that is asked about so many logins at once; 0: any number.
	Connections(atOnce int) int
}

// FieldProblem is one fault of a configuration struct.
type FieldProblem struct {
	Field   string   // path of yaml keys from the struct, such as "users.base_dn"
	Message string   // what is wrong and what to do
	Instead []string // paths of other keys, any of which would do in place of a missing one
}

// Path is a file named in a configuration. The loader makes it absolute, relative
// paths being relative to the file that names them.
type Path string

// OneOrMany is a list that may be written as a single string.
type OneOrMany []string

// Preset is implemented by configuration structs with a key that sets others.
type Preset interface {
	// Preset returns that key with its value, and what it has set, as "key: value"; nothing
	// where it is not written.
	Preset() (by string, set []string)
}
