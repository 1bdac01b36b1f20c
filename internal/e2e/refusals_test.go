package e2e_test

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// TestRefusalsTakeTheSameTime measures how long refusals take, whichever connector is
// asked first: the time must not tell which names there are, nor where. The margins are
// wide, since the machine has other things to do; a hash takes many times as long as
// everything else.
func TestRefusalsTakeTheSameTime(t *testing.T) {
	const local = "      - name: local                    # for the day when the directory is down\n" +
		"        type: static\n        config: {file: users.yaml}\n"
	for _, order := range []struct {
		name  string
		edits []string
	}{
		{"file first", nil},
		{"directory first", []string{local, "", "    policy: policy.yaml", local + "    policy: policy.yaml"}},
	} {
		t.Run(order.name, func(t *testing.T) {
			w := newWorld(t, "", order.edits...)
			refusals := []struct{ name, username, password string }{
				{"wrong password, in the file", "breakglass", "wrong"},
				{"wrong password, in the directory", "alice", "wrong"},
				{"unknown name", "zoe", "wrong"},
				{"no name at all", "no name", "wrong"},
				{"blank password, in the file", "breakglass", ""},
				{"blank password, in the directory", "alice", ""},
				{"blank password, unknown name", "zoe", ""},
			}
			took := map[string][]time.Duration{}
			for range 5 {
				for _, r := range refusals {
					a := w.broker.Token(t, r.username, r.password, service)
					if a.Status != http.StatusUnauthorized {
						t.Fatalf("%s: status %d: %s", r.name, a.Status, a.Body)
					}
					took[r.name] = append(took[r.name], a.Took)
				}
			}
			median := func(name string) time.Duration {
				slices.Sort(took[name])
				return took[name][len(took[name])/2]
			}
			for _, r := range refusals {
				t.Logf("%s: %s", r.name, median(r.name))
				as, within, small := "wrong password, in the file", 3, time.Duration(0)
				if r.password == "" {
					as, within, small = "blank password, unknown name", 5, 5*time.Millisecond
				}
				less, more := min(median(r.name), median(as)), max(median(r.name), median(as))
				if more > less*time.Duration(within) && more > small {
					t.Errorf("%s takes %s, %s %s", r.name, median(r.name), as, median(as))
				}
			}
		})
	}
}
