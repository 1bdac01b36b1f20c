package broker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/policy"
)

// Auditor keeps a record of every decision. Record returns once the entry is with
// the operating system; when it fails, nothing is granted.
type Auditor interface {
	Record(ctx context.Context, e Entry) error
}

// The outcomes of an [Entry]; the others are the names of the [Kind] that the
// request failed with.
const (
	OutcomeGranted = "granted" // all that was asked, or nothing was asked
	OutcomePartly  = "partly"  // some of what was asked
	OutcomeDenied  = "denied"  // signed in, and nothing of what was asked

	OutcomeConflict = string(Conflict) // an administrative act that another has to come before, or that was too early
	OutcomeBegun    = "begun"          // an act on keys is about to be done; another line says what became of it
)

// reasonNotNow is why an act on keys was refused: its cause says more.
const reasonNotNow = "not-now"

// Entry is one line of the audit log. Its field names are part of the interface.
type Entry struct {
	Time      time.Time `json:"time"`
	RequestID string    `json:"request_id"`
	Realm     string    `json:"realm"`
	Service   string    `json:"service"`
	ClientIP  string    `json:"client_ip"`
	UserAgent string    `json:"user_agent"`
	Username  string    `json:"username"`          // as typed
	Account   string    `json:"account,omitempty"` // as the client claims; never an identity
	Connector string    `json:"connector"`
	Via       string    `json:"via"`
	Kind      string    `json:"kind"` // person, robot, workload; anonymous
	Subject   string    `json:"subject"`
	Groups    []string  `json:"groups"`
	Asked     []string  `json:"asked"`
	Dropped   []string  `json:"dropped,omitempty"` // scope items that could not be read
	Granted   []Verdict `json:"granted"`
	Refused   []Verdict `json:"refused"`
	Warnings  []string  `json:"warnings,omitempty"`
	JTI       string    `json:"jti"`
	LatencyMS float64   `json:"latency_ms"`
	Outcome   string    `json:"outcome"`
	Reason    string    `json:"reason"`
	Answer    string    `json:"answer,omitempty"` // where the identity comes from, if not from the directory: see connectors.Answer
	Act       string    `json:"act,omitempty"`    // what was done or wanted, where that was no registry token

	// Of personal access tokens.
	Token    string    `json:"token,omitempty"`    // the public id of the token that was used, or that something was done to
	Tokens   []string  `json:"tokens,omitempty"`   // the ids, of an act on several
	Owner    string    `json:"owner,omitempty"`    // whose tokens an act was about, or whose token was refused or could not be checked: connector:username
	Expires  time.Time `json:"expires,omitzero"`   // of a token that was made
	UID      *uint32   `json:"uid,omitempty"`      // the operating system's number of the administrator's user; of acts on keys, too
	Name     string    `json:"name,omitempty"`     // of a token that was made, or wished for
	Networks []string  `json:"networks,omitempty"` // likewise, from where it may be used; of an act on a client network, which

	// Of acts on keys.
	Key   string `json:"key,omitempty"`   // the id of the key that was made, activated or retired
	Force bool   `json:"force,omitempty"` // it was forced
	Cause string `json:"cause,omitempty"` // why it was not done

	// Of several in one line, which are alike in what the line says of them.
	Count int       `json:"count,omitempty"` // how many; 0: this one
	Until time.Time `json:"until,omitzero"`  // when the last of them arrived

	File string `json:"file,omitempty"` // that a backup was written to, or restored from, as the command was told
}

// Outsider reports whether whoever reaches the listener can cause such entries, as many as
// they like: nobody has signed in and nothing was given, or nothing could be given to
// anybody.
func (e Entry) Outsider() bool {
	switch e.Outcome {
	case OutcomeGranted, OutcomePartly, OutcomeDenied, OutcomeBegun:
		return false
	}
	return e.Kind != administrator && (e.Subject == "" || e.Outcome == string(Unavailable))
}

// Verdict is one asked action and why it was granted or refused.
type Verdict struct {
	Scope  string        `json:"scope"` // type:name
	Action string        `json:"action"`
	Reason policy.Reason `json:"reason"`
	Rule   string        `json:"rule"`
}

// The kinds of who has no account here: a client without credentials, and whoever uses the
// admin socket.
const (
	anonymous     = "anonymous"
	administrator = "administrator"
)

// entry describes what became of a request.
func entry(r Request, p progress, err error) Entry {
	e := Entry{
		RequestID: r.ID,
		Realm:     clip(r.Realm),
		Service:   p.service,
		UserAgent: clip(r.UserAgent),
		Account:   clip(r.Account),
		Kind:      anonymous,
		Groups:    []string{},
		Asked:     make([]string, len(p.asked)),
		Dropped:   clipped(p.dropped),
		Granted:   []Verdict{},
		Refused:   []Verdict{},
		Warnings:  p.decision.Warnings,
		JTI:       p.jti,
		Act:       r.Act,
	}
	if r.ClientIP.IsValid() {
		e.ClientIP = r.ClientIP.String()
	}
	if p.realm != nil {
		e.Realm = p.realm.Name
	}
	if p.service == "" {
		e.Service = clip(r.Service)
	}
	for i, s := range p.asked {
		e.Asked[i] = connectors.WithoutTokens(s.String())
	}
	e.describeClient(r, p, err)
	e.describeDecision(p.decision, err)
	return e
}

// maxDropped is how many unreadable scope items an entry shows.
const maxDropped = 10

// clipped bounds what of unreadable scope items is recorded: anybody may send them.
func clipped(items []string) []string {
	var shown []string
	for _, item := range items[:min(len(items), maxDropped)] {
		shown = append(shown, clip(item))
	}
	if more := len(items) - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("… and %d more", more))
	}
	return shown
}

// describeClient fills in who it was, as far as that became known.
func (e *Entry) describeClient(r Request, p progress, err error) {
	if r.Credentials != nil {
		e.Kind, e.Username = "", clip(r.Credentials.Username)
	}
	if err != nil {
		e.describeFailure(err)
	}
	if p.identity != nil {
		e.Connector, e.Via, e.Kind, e.Token = p.identity.Connector, p.identity.Via, p.identity.Kind.String(), p.identity.Token
		e.Subject, e.Groups, e.Answer = p.subject.User, p.subject.Groups, string(p.identity.Answer)
	}
}

// describeFailure fills in whose account it was that could not be let in, as far as the
// connectors tell.
func (e *Entry) describeFailure(err error) {
	var failure *connectors.Failure
	if errors.As(err, &failure) {
		e.Connector, e.Via = failure.Connector, failure.Connector
	}
	var rejection *connectors.Rejection
	var outage *connectors.Outage
	switch {
	case errors.As(err, &rejection) && rejection.Known != nil:
		e.failed(rejection.Known)
	case errors.As(err, &outage):
		e.failed(outage.Known)
	}
}

// failed fills in what is known of credentials that were right: nobody has signed in.
func (e *Entry) failed(known *connectors.Identity) {
	e.Connector, e.Via, e.Token = known.Connector, known.Via, known.Token
	if known.Username != "" {
		e.Owner = Subject(known, "", netip.Addr{}).User
	}
}

// describeDecision fills in what was decided, and the outcome of it all.
func (e *Entry) describeDecision(d policy.Decision, err error) {
	for _, o := range d.Outcomes {
		v := Verdict{Scope: connectors.WithoutTokens(o.Type + ":" + o.Name), Action: o.Action, Reason: o.Reason, Rule: o.Rule}
		if o.Granted {
			e.Granted = append(e.Granted, v)
		} else {
			e.Refused = append(e.Refused, v)
		}
	}
	switch {
	case err != nil:
		failure := AsError(err)
		e.Outcome, e.Reason = failure.Kind.Error(), failure.Reason
	case len(e.Refused) == 0:
		e.Outcome = OutcomeGranted
	case len(e.Granted) > 0:
		e.Outcome = OutcomePartly
	default:
		e.Outcome = OutcomeDenied
	}
}

// Wish returns the entry with what somebody wants of a token, who may have sent anything.
func (e Entry) Wish(name string, scopes, networks []string) Entry {
	e.Name, e.Asked, e.Networks = clip(name), append([]string{}, clipped(scopes)...), clipped(networks)
	return e
}

// By returns the entry of an act as one of a person, who asked from addr. The name is the
// one that was typed.
func (e Entry) By(id connectors.Identity, username string, addr netip.Addr, userAgent string) Entry {
	e.Username = clip(username)
	subject := Subject(&id, "", addr)
	e.Connector, e.Via, e.Kind, e.Subject, e.Groups = id.Connector, id.Via, id.Kind.String(), subject.User, subject.Groups
	e.UserAgent = clip(userAgent)
	if addr.IsValid() {
		e.ClientIP = addr.String()
	}
	return e
}
