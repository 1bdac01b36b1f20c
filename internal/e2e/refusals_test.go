package e2e_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/static"
	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// fileAlone is a broker of one realm with a users file and no directory, so that nothing is
// held, and a hash takes many times as long as everything else. Many wrong passwords are
// hashed there.
func fileAlone(t *testing.T) *stack.Broker {
	t.Helper()
	hash, err := static.Hash(connectors.NewSecret("breakglass-password"), static.Argon2id)
	if err != nil {
		t.Fatal(err)
	}
	return stack.StartBroker(t, program, `
listen: "{{listen}}"
monitor: "{{monitor}}"
realms:
  - name: corp
    services: [`+service+`]
    connectors: [{name: local, type: static, config: {file: users.yaml}, guard: {lockout: {budget: 100}}}]
    policy: {rules: [{name: home, authenticated: true, repositories: ["home/{user}/**"], allow: [pull]}]}
`, map[string]string{"users.yaml": fmt.Sprintf("users: [{username: breakglass, password_hash: %q}]\n", hash)})
}

// TestRefusalsTakeTheSameTime measures how long refusals take, whichever connector is
// asked first: the time must not tell which names there are, nor where. The margins are
// wide, and the quickest of several counts, since the machine has other things to do.
// Whether a hash is spent for every name shows in the realm without a directory: beside
// one, all are held for longer than that.
func TestRefusalsTakeTheSameTime(t *testing.T) {
	const local = "      - name: local                    # for the day when the directory is down\n" +
		"        type: static\n        config: {file: users.yaml}\n"
	for _, order := range []struct {
		name  string
		start func(t *testing.T) *stack.Broker
		fresh bool // each wrong password is another one, of which nothing is remembered
	}{
		{"file first", func(t *testing.T) *stack.Broker { return newWorld(t, "").broker }, false},
		{"directory first", func(t *testing.T) *stack.Broker {
			return newWorld(t, "", local, "", "    policy: policy.yaml", local+"    policy: policy.yaml").broker
		}, false},
		{"file alone", fileAlone, true},
		{"file alone, and the same again", fileAlone, false},
	} {
		t.Run(order.name, func(t *testing.T) {
			broker := order.start(t)
			refusals := []struct{ name, username, password string }{
				{"wrong password, in the file", "breakglass", "wrong"},
				{"wrong password, in the directory", "alice", "wrong"},
				{"unknown name", "zoe", "wrong"},
				{"no name at all", "no name", "wrong"},
				{"blank password, in the file", "breakglass", ""},
				{"blank password, in the directory", "alice", ""},
				{"blank password, unknown name", "zoe", ""},
				{"password with a NUL, in the file", "breakglass", "wrong\x00"},
				{"password with a NUL, unknown name", "zoe", "wrong\x00"},
			}
			took := map[string]time.Duration{} // the quickest
			for round := range 8 {
				for _, r := range refusals {
					password := r.password
					if order.fresh && password == "wrong" {
						password += strconv.Itoa(round)
					}
					a := broker.Token(t, r.username, password, service)
					if a.Status != http.StatusUnauthorized {
						t.Fatalf("%s: status %d: %s", r.name, a.Status, a.Body)
					}
					if quickest, ok := took[r.name]; !ok || a.Took < quickest {
						took[r.name] = a.Took
					}
				}
			}
			for _, r := range refusals {
				t.Logf("%s: %s", r.name, took[r.name])
				as, within, small := "wrong password, in the file", 3, time.Duration(0)
				if r.password != "wrong" { // refused before anybody is asked
					as, within, small = "blank password, unknown name", 5, 5*time.Millisecond
				}
				less, more := min(took[r.name], took[as]), max(took[r.name], took[as])
				if more > less*time.Duration(within) && more > small {
					t.Errorf("%s takes %s, %s %s", r.name, took[r.name], as, took[as])
				}
			}
		})
	}
}
