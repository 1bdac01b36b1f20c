package policy_test

import (
	"encoding/json"
	"testing"

	"github.com/shorepass/shorepass/policy"
)

func TestPosition(t *testing.T) {
	for _, tt := range []struct {
		at   policy.Position
		want string
	}{
		{policy.Position{File: "policy.yaml", Line: 3, Column: 7}, "policy.yaml:3:7"},
		{policy.Position{}, "policy"},
	} {
		if got := tt.at.String(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// A text is decoded from a plain string, and placed afterwards.
func TestText(t *testing.T) {
	var got policy.Text
	if err := json.Unmarshal([]byte(`"platform/**"`), &got); err != nil {
		t.Fatal(err)
	}
	got.SetPosition("policy.yaml", 3, 7)
	if want := (policy.Text{Value: "platform/**", At: policy.Position{File: "policy.yaml", Line: 3, Column: 7}}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
