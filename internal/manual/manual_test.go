package manual_test

import (
	"reflect"
	"testing"

	"github.com/shorepass/shorepass/internal/manual"
)

func TestParse(t *testing.T) {
	got := manual.Parse("# Configuration\n\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n" +
		"| `listen` | HOST:PORT | `localhost:5001` | The [token endpoint](operations.md#x). Required within `tls`. |\n" +
		"| `level` | `debug` or `info` | `info`, or not | How much. Required with `bind_dn`. |\n\n" +
		"| `x5c` | `For` | `certificates` | no key |\n\n" +
		"### static\n| Key | Type | Default | Meaning |\n|---|---|---|---|\n| `file` | list of `a` and `b` | | Required, and not empty. |\n")
	want := manual.Manual{
		"Configuration": {
			"listen": {Meaning: "The token endpoint. Required within `tls`.", Default: "localhost:5001", Required: true},
			"level":  {Meaning: "How much. Required with `bind_dn`.", Choices: []string{"debug", "info"}},
		},
		"static": {"file": {Meaning: "Required, and not empty.", Choices: []string{"a", "b"}, Required: true}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}
