package webhook_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/webhook"
)

// TestSignature compares with the example of Standard Webhooks.
func TestSignature(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	if got := webhook.Signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func groups(n int) string {
	return `{"result":"identity","id":"7","username":"alice","groups":["g` + strings.Repeat(`","g`, n-1) + `"]}`
}

func TestAnswers(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"account":              {`{"result":"account","id":"7","username":"alice"}`, ""},
		"identity":             {alice, ""},
		"no groups":            {`{"result":"identity","id":"7","username":"alice","groups":[]}`, ""},
		"not mine":             {`{"result":"not-mine"}`, ""},
		"spaces":               {" {\n\"result\" : \"gone\" }\n", ""},
		"a group with a space": {`{"result":"identity","id":"7","username":"alice","groups":["on call"]}`, ""},
		"a space in front":     {`{"result":"identity","id":"7","username":"alice","groups":["a"," a"]}`, "groups has an item with a space at an end"},
		"a space behind":       {`{"result":"identity","id":"7","username":"alice","groups":["a "]}`, "groups has an item with a space at an end"},
		"two spaces":           {`{"result":"identity","id":"7","username":"alice","groups":["a  b"]}`, "groups has an item with a space at an end, or with two in a row"},
		"as many as may be":    {groups(webhook.MaxGroups), ""},
		"one too many":         {groups(webhook.MaxGroups + 1), "groups has more than 5000 items"},
		"groups left out":      {`{"result":"identity","id":"7","username":"alice"}`, "one of them is missing"},
		"groups of nobody":     {`{"result":"identity","id":"7","username":"alice","groups":null}`, "groups is not a list"},
		"groups in a text":     {`{"result":"identity","id":"7","username":"alice","groups":"a,b"}`, "groups is not a list"},
		"a group is null":      {`{"result":"identity","id":"7","username":"alice","groups":[null]}`, "groups has an item that is not a text"},
		"a group is empty":     {`{"result":"identity","id":"7","username":"alice","groups":[""]}`, "groups has an item that is not a text of 1 to 256 bytes"},
		"a group of lines":     {`{"result":"identity","id":"7","username":"alice","groups":["a\nb"]}`, "groups has an item that is not a text of 1 to 256 bytes"},
		"misspelled":           {`{"result":"identity","id":"7","username":"alice","Groups":[]}`, "one of them is missing"},
		"one more field":       {`{"result":"not-mine","id":"7"}`, "no other fields than result"},
		"twice":                {`{"result":"not-mine","result":"gone"}`, "a field twice"},
		"escaped, twice":       {`{"result":"not-mine","\u0072esult":"gone"}`, "a field twice"},
		"no result":            {`{"id":"7"}`, "result is missing"},
		"another result":       {`{"result":"welcome"}`, "result is none of those that there are"},
		"result null":          {`{"result":null}`, "result is not a text"},
		"id a number":          {`{"result":"account","id":7,"username":"alice"}`, "id is not a text"},
		"id empty":             {`{"result":"account","id":"","username":"alice"}`, "id is not a text of 1 to 256 bytes"},
		"id long":              {`{"result":"account","id":"` + strings.Repeat("x", webhook.MaxText+1) + `","username":"alice"}`, "id is not a text of 1 to 256 bytes"},
		"id half a pair":       {`{"result":"account","id":"\ud800","username":"alice"}`, "id is not a text of 1 to 256 bytes"},
		"not UTF-8":            {"{\"result\":\"account\",\"id\":\"\xff\",\"username\":\"alice\"}", "not UTF-8"},
		"a list":               {`["identity"]`, "not one JSON object"},
		"open":                 {`{"result":"gone"`, "not one JSON object"},
		"comma":                {`{"result":"gone",}`, "not one JSON object"},
		"deep":                 {`{"result":` + strings.Repeat("[", 100_000), "not one JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := webhook.Decode([]byte(tt.body))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

// TestReasons holds that a reason is one that the audit log has.
func TestReasons(t *testing.T) {
	for reason, want := range map[string]connectors.Reason{
		"wrong-password": connectors.ReasonWrongPassword, "locked": connectors.ReasonLocked, "interaction": connectors.ReasonInteraction,
		"empty-password": connectors.ReasonRestricted, "on holiday": connectors.ReasonRestricted,
	} {
		if a, err := webhook.Decode([]byte(fmt.Sprintf(`{"result":"rejected","reason":%q}`, reason))); err != nil || a.Reason != want {
			t.Errorf("%s is %s, error %v; want %s", reason, a.Reason, err, want)
		}
	}
}

// FuzzAnswer reads arbitrary answers. What is taken is whole: all of its fields, each a
// text that can be printed.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		alice, `{"result":"account","id":"7","username":"alice"}`, `{"result":"rejected","reason":"locked"}`, `{"result":"ready","actions":["verify"]}`,
		`{"result":"not-mine"}`, `{"result":"identity","id":"\ud800","username":"a","groups":[null]}`, `{"result":"gone","result":"gone"}`, `[]`, `{`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := webhook.Decode(body)
		if err != nil {
			return
		}
		var loose map[string]any
		if json.Unmarshal(body, &loose) != nil || len(loose) != len(webhook.Fields(a.Result)) {
			t.Errorf("%q is taken", body)
		}
		texts := slices.Concat([]string{a.Result}, a.Groups, a.Actions)
		if slices.Contains(webhook.Fields(a.Result), "id") {
			texts = append(texts, a.ID, a.Username)
		}
		for _, s := range texts {
			if s == "" || len(s) > webhook.MaxText || !utf8.ValidString(s) || strings.ContainsAny(s, "\n\x00\ufffd") {
				t.Errorf("%q is taken as a text of %q", s, body)
			}
		}
	})
}
