package policy

import "net/netip"

// Policy is the compiled rules of a realm. It is immutable: any number of
// goroutines may use it at once.
type Policy struct {
	rules      []*rule
	connectors []Connector
	index      index
}

// rule is one rule, checked.
type rule struct {
	name     string
	at       Position // of the name
	order    int      // its place in the file
	deny     bool
	actions  actions
	pushAt   Position
	subjects []subjectPattern
	patterns []*pattern // none for the catalog
	services []string
	networks []netip.Prefix
}

// Subject is who asks, and from where.
type Subject struct {
	User    string     // connector:username; empty: not signed in
	Groups  []string   // connector:group each
	Service string     // the registry asked for; empty: not known
	Addr    netip.Addr // the client's address; the zero Addr: not known
	Ceiling Ceiling    // the most that this login may do: the zero Ceiling grants nothing, see [Unlimited]
}

// Reason is why an action was granted or refused.
type Reason string

// The reasons.
const (
	Allowed      Reason = "allowed" // a rule allows it, none denies it, and the ceiling covers it
	Denied       Reason = "denied"  // a rule denies it
	NoRule       Reason = "no-rule" // no rule speaks of it
	AboveCeiling Reason = "ceiling" // the rules allow it; the login's ceiling does not
)

// Outcome is what became of one asked action.
type Outcome struct {
	Type, Name, Action string
	Granted            bool
	Reason             Reason
	Rule               string // the first rule in the file that decided; empty for [NoRule]
}

// Access is what is granted on one resource, as a registry token carries it.
type Access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// Decision is the answer of [Policy.Decide].
type Decision struct {
	Outcomes []Outcome // one for each asked action, sorted by type, name and action
	Access   []Access  // what is granted, sorted by type and name, actions sorted; never nil
	Warnings []string  // what about the subject kept rules from matching; a bounded number
}

// AllowsAnonymous reports whether a rule allows anything to anyone, so that a
// client which is not signed in may have something to ask for.
func (p *Policy) AllowsAnonymous() bool {
	for _, r := range p.rules {
		for _, s := range r.subjects {
			if s.kind == byAnyone && !r.deny {
				return true
			}
		}
	}
	return false
}
