package policy

import "slices"

// DeniedGroups returns those of the groups, connector:group each, by which some rule
// denies something: without one of them, a subject may be granted more.
func (p *Policy) DeniedGroups(groups []string) []string {
	var denied []string
	for _, group := range groups {
		connector, name, ok := splitName(group)
		names := func(by subjectPattern) bool {
			return by.kind == byGroup && by.connector.match(connector) && by.name.match(name)
		}
		if ok && slices.ContainsFunc(p.rules, func(r *rule) bool { return r.deny && slices.ContainsFunc(r.subjects, names) }) {
			denied = append(denied, group)
		}
	}
	return denied
}
