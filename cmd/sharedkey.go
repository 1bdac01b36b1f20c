package cmd

import (
	"fmt"

	"github.com/shorepass/shorepass/broker/token"
)

// keyOwners are the realms that brought keys are of, by key id. Nothing is shared between
// realms: zot looks at the key of a token alone, and would take those of another realm.
type keyOwners map[string]string

// add fails where the realm brings a key that another one has brought.
func (o keyOwners) add(realm string, ring *token.Ring) error {
	for _, k := range ring.Keys() {
		if k.Kind != token.Brought {
			continue // made for the realm, whose name it has
		}
		if other, ok := o[k.KID]; ok {
			return fmt.Errorf("realm %s signs with the key of realm %s (signing.key_file): realms share no keys, since registries of one could take tokens of the other: bring another pair", realm, other)
		}
		o[k.KID] = realm
	}
	return nil
}
