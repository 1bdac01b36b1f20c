package strictjson_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/internal/strictjson"
)

// wish is what is read in these tests.
type wish struct {
	name   string
	scopes []string
}

func read(content string) (wish, error) {
	var w wish
	err := strictjson.Object([]byte(content), map[string]any{"name": &w.name, "scopes": &w.scopes})
	return w, err
}

func TestObject(t *testing.T) {
	for content, want := range map[string]wish{
		`{}`:                                  {},
		" {\n\"name\" : \"ci\" }\t":           {name: "ci"},
		`{"scopes":[],"name":""}`:             {scopes: []string{}},
		`{"scopes":["a","\u00e9"]}`:           {scopes: []string{"a", "é"}},
		`{"\u006eame":"an escape in a name"}`: {name: "an escape in a name"},
	} {
		got, err := read(content)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v, %v", content, got, err)
		}
	}
}

func TestObjectRefuses(t *testing.T) {
	for content, want := range map[string]string{
		``:                                       "the content must be a JSON object",
		`[]`:                                     "the content must be a JSON object",
		`"name"`:                                 "the content must be a JSON object",
		"\ufeff{}":                               "the content must be a JSON object",
		`{`:                                      "the content is no JSON, from byte 1 on",
		`{"name":"ci",}`:                         "the content is no JSON, from byte 13 on",
		`{"name"}`:                               "the content is no JSON, from byte 7 on",
		`{"name":"a" "scopes":[]}`:               "the content is no JSON, from byte 12 on",
		`{name:"a"}`:                             "the content is no JSON, from byte 1 on",
		`{"name":"a"`:                            "the content is no JSON, from byte 11 on",
		`{"name":"a"}{}`:                         "something stands after the JSON object",
		`{"name":"a"}x`:                          "something stands after the JSON object",
		`{"Name":"a"}`:                           `there is no field "Name", only name, scopes`,
		`{"owner":"a"}`:                          `there is no field "owner", only name, scopes`,
		`{"` + strings.Repeat("x", 200) + `":1}`: `there is no field "` + strings.Repeat("x", 100) + `", only name, scopes`,
		`{"name":"a","name":"b"}`:                `the field "name" is given twice`,
		`{"name":"a","\u006eame":"b"}`:           `the field "name" is given twice`,
		`{"name":1}`:                             `the field "name" must be a string`,
		`{"name":null}`:                          `the field "name" must be a string`,
		`{"scopes":null}`:                        `the field "scopes" must be a list of strings`,
		`{"scopes":"a"}`:                         `the field "scopes" must be a list of strings`,
		`{"scopes":[null]}`:                      `the field "scopes" must be a list of strings`,
		`{"scopes":[["a"]]}`:                     `the field "scopes" must be a list of strings`,
		"{\"name\":\"\xff\"}":                    "the content is no UTF-8",
		strings.Repeat(`{"name":`, 20000):        "the content is no JSON, from byte 8 on",
	} {
		if _, err := read(content); err == nil || err.Error() != want {
			t.Errorf("%.100s: got %v, want %s", content, err, want)
		}
	}
}

func FuzzObject(f *testing.F) {
	for _, s := range []string{`{"name":"ci","scopes":["repository:a:pull"]}`, `{"name":"a","name":"b"}`, `{"NAME":"a"}`, `{"scopes":[null]}`, `[`, `{"name":"\ud800"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		got, err := read(content)
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("a long error: %v", err)
			}
			return
		}
		plain := struct {
			Name   string   `json:"name"`
			Scopes []string `json:"scopes"`
		}{}
		var fields map[string]json.RawMessage
		if json.Unmarshal([]byte(content), &plain) != nil || json.Unmarshal([]byte(content), &fields) != nil {
			t.Fatalf("%q was taken for JSON", content)
		}
		if plain.Name != got.name || fmt.Sprintf("%q", plain.Scopes) != fmt.Sprintf("%q", got.scopes) {
			t.Errorf("%q was read as %q", content, got)
		}
		for name := range fields {
			if name != "name" && name != "scopes" {
				t.Errorf("the field %q was taken", name)
			}
		}
	})
}
