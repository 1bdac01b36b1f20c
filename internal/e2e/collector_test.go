package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// TestCollectorHasHeadroom counts how often the garbage collector runs for 1,500 tokens,
// which leave some 30 MiB.
func TestCollectorHasHeadroom(t *testing.T) {
	for _, tt := range []struct {
		name, env   string
		least, most int
	}{
		{"by default", "", 0, 4},
		{"an operator's own", "GOGC=100", 6, 1000},
		{"a limit with room for it", "GOMEMLIMIT=1GiB", 0, 4},
		{"a tight limit", "GOMEMLIMIT=48MiB", 6, 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := stack.NewBroker(t, program, anonymousConfig, nil)
			b.Process = stack.Start(t, []string{"GODEBUG=gctrace=1", tt.env}, b.Program, "serve", "--config", b.Config)
			b.WaitFor(t, "ready broker", 20*time.Second, func() bool { return b.Ready() == http.StatusOK })
			before := collections(b)
			for range 1500 {
				if a := b.Token(t, "", "", "registry.corp", "repository:public/app:pull"); a.Status != http.StatusOK {
					t.Fatalf("status %d: %s", a.Status, a.Body)
				}
			}
			if n := collections(b) - before; n < tt.least || n > tt.most {
				t.Errorf("the collector ran %d times, want %d to %d", n, tt.least, tt.most)
			}
		})
	}
}

// collections is how often the collector has run, as the runtime tells it.
func collections(b *stack.Broker) int { return strings.Count(b.Output.String(), "\ngc ") }

const anonymousConfig = `
listen: "{{listen}}"
monitor: "{{monitor}}"
public_url: "http://{{listen}}"
data_dir: ./data
realms:
  - name: corp
    services: [registry.corp]
    policy: {rules: [{name: the world reads public images, anyone: true, repositories: [public/**], allow: [pull]}]}
`
