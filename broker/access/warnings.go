package access

import (
	"github.com/shorepass/shorepass/connectors/pat"
)

// warnings says what the maker of a token probably does not mean.
func (s *Service) warnings(row pat.Token, o owner, r Realm) []string {
	var warnings []string
	return warnings
}
