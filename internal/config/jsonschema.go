package config

import (
	"encoding"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/internal/manual"
	"github.com/shorepass/shorepass/internal/strictyaml"
)

// draft is the version of JSON Schema that editors know best.
const draft = "http://json-schema.org/draft-07/schema#"

// Schema is a JSON Schema, or a part of one.
type Schema = map[string]any

// JSONSchema returns the schema of shorepass.yaml, with connectors of the given types: what
// the decoder makes of the structs here, and the words of the manual. Editors complete and
// check by it; it knows the kinds of values, and not what they mean.
func JSONSchema(types map[string]connectors.Type, m manual.Manual) Schema {
	s := schemas{types: types, manual: m}
	root := s.object(reflect.TypeFor[fileKeys](), "")
	root["$schema"], root["title"] = draft, "Shorepass: shorepass.yaml"
	return root
}

// PolicyJSONSchema returns the schema of a policy file.
func PolicyJSONSchema(m manual.Manual) Schema {
	s := schemas{manual: m}
	root := s.object(reflect.TypeFor[policyKeys](), policyPath)
	root["$schema"], root["title"] = draft, "Shorepass: policy.yaml"
	return root
}

// Where nodes are that are decoded later, by their path from the top.
const (
	realmsPath     = "realms[]."
	connectorsPath = realmsPath + "connectors[]."
	guardPath      = connectorsPath + "guard."
	policyPath     = realmsPath + "policy."
)

// schemas makes schemas of structs whose fields are keys.
type schemas struct {
	types  map[string]connectors.Type
	manual manual.Manual
}

// object is the schema of a mapping that is decoded into a struct. at is its path, up to the
// key.
func (s schemas) object(t reflect.Type, at string) Schema {
	properties, required := Schema{}, []string{}
	for i := range t.NumField() {
		key, option, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if key == "" || key == "-" {
			continue
		}
		told := s.told(at + key)
		if told.Meaning == "" { // of a connector that the manual does not know
			told.Meaning = t.Field(i).Tag.Get("description")
		}
		must := option == "required" || told.Required
		if must {
			required = append(required, key)
		}
		property := s.value(t.Field(i).Type, at+key, told)
		if must && property["type"] == "array" {
			property["minItems"] = 1
		}
		describe(property, told)
		properties[key] = property
	}
	place := strings.TrimRight(at, ".[]")
	object := Schema{"type": "object", "title": place[strings.LastIndex(place, ".")+1:], "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		object["required"] = required
	}
	return object
}

// told is what the manual says of the key at the path.
func (s schemas) told(path string) manual.Key {
	for _, of := range []struct{ prefix, section string }{
		{connectorsPath, "Connectors"}, {policyPath, "Policy"}, {realmsPath, "Realms"}, {"", "Top level"},
	} {
		if key, found := strings.CutPrefix(path, of.prefix); found {
			return s.manual[of.section][key]
		}
	}
	return manual.Key{}
}

// describe adds the words of the manual.
func describe(property Schema, told manual.Key) {
	if told.Meaning != "" {
		property["description"] = told.Meaning
	}
	switch {
	case told.Default == "":
	case property["type"] == "boolean":
		property["default"] = told.Default == "true"
	case property["type"] == "string":
		property["default"] = told.Default
	case property["type"] == "integer":
		decodeDefault[int](property, told)
	case property["type"] == "array":
		decodeDefault[[]string](property, told)
	}
}

// decodeDefault adds a default that is written as a value of the type; others take words.
func decodeDefault[T any](property Schema, told manual.Key) {
	var value T
	if strictyaml.Decode("", []byte(told.Default), &value) == nil {
		property["default"] = value
	}
}

// value is the schema of what is decoded into a type, at a path.
func (s schemas) value(t reflect.Type, at string, told manual.Key) Schema {
	switch {
	case t.Kind() == reflect.Pointer:
		return s.value(t.Elem(), at, told)
	case t == reflect.TypeFor[connectors.Secret]():
		return secretSchema()
	case t == reflect.TypeFor[strictyaml.Node]():
		return s.node(at)
	case t == reflect.TypeFor[serviceKeys]():
		return Schema{"anyOf": []Schema{nonEmpty(), s.object(t, at+".")}}
	case t == reflect.TypeFor[syncInterval]():
		return Schema{"type": "string", "pattern": "^always$|" + durationPattern}
	case t == reflect.TypeFor[time.Duration]():
		return Schema{"type": "string", "pattern": durationPattern}
	case t == reflect.TypeFor[connectors.OneOrMany]():
		return Schema{"anyOf": []Schema{nonEmpty(), {"type": "array", "items": nonEmpty(), "minItems": 1}}}
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return choices(Schema{"type": "string"}, told)
	}
	switch t.Kind() {
	case reflect.Bool:
		return Schema{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return Schema{"type": "integer"}
	case reflect.Slice:
		return Schema{"type": "array", "items": s.value(t.Elem(), at+"[]", told)}
	case reflect.Map:
		return Schema{"type": "object", "additionalProperties": s.value(t.Elem(), at+"[]", manual.Key{})}
	case reflect.Struct:
		return s.object(t, at+".")
	}
	return choices(nonEmpty(), told)
}

// node is the schema of what is decoded later.
func (s schemas) node(at string) Schema {
	switch at + "." {
	case realmsPath:
		return s.object(reflect.TypeFor[realmKeys](), realmsPath)
	case connectorsPath:
		return s.connector()
	case guardPath:
		return s.object(reflect.TypeFor[guard.Settings](), guardPath)
	case policyPath:
		return Schema{"anyOf": []Schema{nonEmpty(), s.object(reflect.TypeFor[policyKeys](), policyPath)}}
	}
	return Schema{"type": "object"} // the config of a connector: see connector
}

// connector is the schema of a connector, whose type says which keys its config has.
func (s schemas) connector() Schema {
	object := s.object(reflect.TypeFor[connectorKeys](), connectorsPath)
	var names []string
	for name := range s.types {
		names = append(names, name)
	}
	slices.Sort(names)
	cases := []Schema{}
	for _, name := range names {
		of := schemas{manual: manual.Manual{"Top level": s.manual[name]}}
		config := of.object(reflect.TypeOf(s.types[name].Config()).Elem(), "")
		config["title"], config["description"] = name, s.told(connectorsPath+"config").Meaning
		then := Schema{"properties": Schema{"config": config}}
		if s.types[name].Directory == nil {
			then["properties"].(Schema)["guard"] = false //nolint:forcetypeassert // made above
		}
		if _, must := config["required"]; must {
			then["required"] = []string{"config"}
		}
		cases = append(cases, Schema{
			"if":   Schema{"properties": Schema{"type": Schema{"const": name}}, "required": []string{"type"}},
			"then": then,
		})
	}
	kind := object["properties"].(Schema)["type"].(Schema)
	kind["enum"], kind["description"] = names, "What the connector asks: "+strings.Join(names, ", ")+"."
	object["allOf"] = cases
	return object
}

// durationPattern matches what strictyaml.ParseDuration reads: days, parts of a day, or both.
const (
	partOfDay       = `((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))`
	durationPattern = `^(\d+d` + partOfDay + `*|` + partOfDay + `+)$`
)

func nonEmpty() Schema { return Schema{"type": "string", "minLength": 1} }

func secretSchema() Schema {
	one := func(key, meaning string) Schema {
		value := nonEmpty()
		value["description"] = meaning
		return Schema{"type": "object", "title": key, "properties": Schema{key: value}, "required": []string{key}, "additionalProperties": false}
	}
	return Schema{"anyOf": []Schema{
		nonEmpty(),
		one("file", "The file that holds the secret; a line break at its end is no part of it."),
		one("env", "The environment variable that holds the secret."),
	}}
}

// choices limits a text to the values that there are.
func choices(of Schema, told manual.Key) Schema {
	if len(told.Choices) > 0 {
		return Schema{"type": "string", "enum": told.Choices}
	}
	return of
}
