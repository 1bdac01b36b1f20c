package config

import (
	"reflect"

	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/policy"
)

// SchemaTypes returns the structs of the schema, by the path of what is decoded into
// them; the empty path is the file.
func SchemaTypes() map[string]reflect.Type {
	return map[string]reflect.Type{
		"":                            reflect.TypeFor[fileKeys](),
		"realms[]":                    reflect.TypeFor[realmKeys](),
		"realms[].connectors[]":       reflect.TypeFor[connectorKeys](),
		"realms[].connectors[].guard": reflect.TypeFor[guard.Settings](),
		"realms[].policy":             reflect.TypeFor[policyKeys](),
		"realms[].policy.rules[]":     reflect.TypeFor[policy.Rule](),
	}
}
