package webhook_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/shorepass/shorepass/connectors/webhook"
)

// schema is what of a schema the test compares.
type schema struct {
	Ref        string            `yaml:"$ref"`
	Required   []string          `yaml:"required"`
	More       *bool             `yaml:"additionalProperties"`
	Properties map[string]schema `yaml:"properties"`
	Const      any               `yaml:"const"`
	Enum       []string          `yaml:"enum"`
	OneOf      []schema          `yaml:"oneOf"`
	AnyOf      []schema          `yaml:"anyOf"`
	MaxItems   int               `yaml:"maxItems"`
	MaxLength  int               `yaml:"maxLength"`
}

// document is docs/webhook-openapi.yaml.
type document struct {
	Paths map[string]map[string]struct {
		RequestBody struct {
			Content map[string]media `yaml:"content"`
		} `yaml:"requestBody"`
		Responses map[string]struct {
			Content map[string]media `yaml:"content"`
		} `yaml:"responses"`
	} `yaml:"paths"`
	Components struct {
		Schemas map[string]schema `yaml:"schemas"`
	} `yaml:"components"`
}

type media struct {
	Examples map[string]struct {
		Value map[string]any `yaml:"value"`
	} `yaml:"examples"`
}

func readDocument(t *testing.T) document {
	t.Helper()
	content, err := os.ReadFile("../../docs/webhook-openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := yaml.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d document) resolve(s schema) schema {
	if name, found := strings.CutPrefix(s.Ref, "#/components/schemas/"); found {
		return d.resolve(d.Components.Schemas[name])
	}
	return s
}

// sameNames wants two lists to be equal but for their order.
func sameNames(t *testing.T, what string, documented, implemented []string) {
	t.Helper()
	if slices.Sort(documented); !slices.Equal(documented, slices.Sorted(slices.Values(implemented))) {
		t.Errorf("%s: the document has %q, the code %q", what, documented, implemented)
	}
}

// TestDocumentedAnswers compares the answers of the document with those that are read: every
// result, and every field of each.
func TestDocumentedAnswers(t *testing.T) {
	d := readDocument(t)
	var documented []string
	for _, s := range d.Components.Schemas["Answer"].OneOf {
		s = d.resolve(s)
		result := fmt.Sprint(s.Properties["result"].Const)
		documented = append(documented, result)
		fields := webhook.Fields(result)
		sameNames(t, result, slices.Collect(maps.Keys(s.Properties)), fields)
		sameNames(t, result+", required", s.Required, fields)
		if s.More == nil || *s.More {
			t.Errorf("%s: the document allows more fields", result)
		}
		for name, bound := range map[string]int{"groups": webhook.MaxGroups, "actions": webhook.MaxGroups} {
			if list, found := s.Properties[name]; found && list.MaxItems != bound {
				t.Errorf("%s of %s: %d at most in the document", name, result, list.MaxItems)
			}
		}
	}
	implemented := map[string]bool{}
	for _, action := range webhook.Actions() {
		for _, locates := range []bool{false, true} {
			for _, result := range webhook.Results(action, locates) {
				implemented[result] = true
			}
		}
	}
	sameNames(t, "results", documented, slices.Collect(maps.Keys(implemented)))
	var reasons []string
	for _, r := range webhook.Reasons() {
		reasons = append(reasons, string(r))
	}
	sameNames(t, "reasons", d.Components.Schemas["Rejected"].Properties["reason"].AnyOf[0].Enum, reasons)
	if got := d.Components.Schemas["Text"].MaxLength; got != webhook.MaxText {
		t.Errorf("texts have %d bytes at most in the document", got)
	}
}

// TestDocumentedQuestions compares the questions.
func TestDocumentedQuestions(t *testing.T) {
	question := readDocument(t).Components.Schemas["Question"]
	var fields, always []string
	for i := range webhook.QuestionType().NumField() {
		name, options, _ := strings.Cut(webhook.QuestionType().Field(i).Tag.Get("json"), ",")
		if fields = append(fields, name); options == "" {
			always = append(always, name)
		}
	}
	sameNames(t, "fields", slices.Collect(maps.Keys(question.Properties)), fields)
	sameNames(t, "required fields", question.Required, always)
	sameNames(t, "actions", question.Properties["action"].Enum, webhook.Actions())
	if got := fmt.Sprint(question.Properties["version"].Const); got != fmt.Sprint(webhook.Version) {
		t.Errorf("version %s", got)
	}
}

// TestDocumentedExamples reads the answers that the document shows, of every result, and the
// questions, of every action.
func TestDocumentedExamples(t *testing.T) {
	post := readDocument(t).Paths["/"]["post"]
	var results []string
	for name, e := range post.Responses["200"].Content["application/json"].Examples {
		body, err := json.Marshal(e.Value)
		if err != nil {
			t.Fatal(err)
		}
		a, err := webhook.Decode(body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		results = append(results, a.Result)
	}
	slices.Sort(results)
	if results = slices.Compact(results); len(results) != len(readDocument(t).Components.Schemas["Answer"].OneOf) {
		t.Errorf("there are examples of %q", results)
	}
	actions := map[string]bool{}
	for _, e := range post.RequestBody.Content["application/json"].Examples {
		actions[fmt.Sprint(e.Value["action"])] = true
	}
	sameNames(t, "examples of actions", slices.Collect(maps.Keys(actions)), webhook.Actions())
}

// TestDocumentedStatuses holds that an answer counts by the one status that the document has
// a body for, and that every other is an outage.
func TestDocumentedStatuses(t *testing.T) {
	for status, response := range readDocument(t).Paths["/"]["post"].Responses {
		if (status == "200") != (len(response.Content) > 0) {
			t.Errorf("the status %s has a body in the document: %v", status, response.Content)
		}
	}
	p := startPeer(t, inClear)
	c := p.configured(t)
	c.Locate, c.Resolve = false, false
	connector := connect(t, c)
	for status := 200; status < 600; status++ {
		p.breakWith(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(alice)) // not with 204 and 304, which have no body
		})
		if _, err := login(t, connector, "alice", "alice-password"); (err == nil) != (status == http.StatusOK) || err != nil && !isOutage(err) {
			t.Errorf("status %d gives %v", status, err)
		}
	}
}

// TestTableOfPage wants docs/webhook.md to have a row of every action and of every result,
// with its fields, and every reason.
func TestTableOfPage(t *testing.T) {
	content, err := os.ReadFile("../../docs/webhook.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	for _, action := range webhook.Actions() {
		if !strings.Contains(page, "\n| `"+action+"` |") {
			t.Errorf("the page has no row of the action %s", action)
		}
		for _, result := range webhook.Results(action, false) {
			_, row, found := strings.Cut(page, "\n| `"+result+"` |")
			row, _, _ = strings.Cut(row, "\n")
			cells := strings.Split(row, "|")
			var fields []string
			for _, f := range webhook.Fields(result)[1:] {
				fields = append(fields, "`"+f+"`")
			}
			if !found || len(cells) < 3 || strings.TrimSpace(cells[1]) != strings.Join(fields, ", ") {
				t.Errorf("the row of %s is %q, its fields are %q", result, row, fields)
			}
		}
	}
	for _, r := range webhook.Reasons() {
		if !strings.Contains(page, "`"+string(r)+"`") {
			t.Errorf("the page lacks the reason %s", r)
		}
	}
}
