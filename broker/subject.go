package broker

import (
	"net/netip"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/policy"
)

// Subject is what the policy sees of a client. It is the single place that
// qualifies names: a user is connector:username, a group connector:group, composed. A nil
// identity is the anonymous client.
func Subject(id *connectors.Identity, service string, addr netip.Addr) policy.Subject {
	s := policy.Subject{Service: service, Addr: addr, Ceiling: policy.Unlimited()}
	if id == nil {
		return s
	}
	s.User = id.Connector + ":" + id.Username
	s.Groups = make([]string, len(id.Groups))
	for i, g := range id.Groups {
		s.Groups[i] = id.Connector + ":" + connectors.ComposedGroups.Canonical(g)
	}
	if !id.Ceiling.IsUnlimited() {
		// A ceiling that cannot be read comes back as the ceiling of nothing.
		s.Ceiling, _ = policy.ParseCeiling(id.Ceiling.Scopes())
	}
	return s
}
