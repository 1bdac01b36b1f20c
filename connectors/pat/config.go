package pat

import (
	"fmt"
	"strings"
	"time"

	"github.com/shorepass/shorepass/connectors"
)

// What no configuration allows more of.
const (
	MaxExpiry = 366 * day // the longest life of a token
	MaxTokens = 100       // the live tokens of one account

	maxGroupAge    = time.Hour
	maxOutageGrace = 4 * time.Hour
	maxLoginAge    = 30 * day
)

// What no configuration allows less of.
const (
	MinExpiry = time.Minute // the shortest life of a token

	minGroupAge = time.Second
	minLoginAge = time.Hour
)

const day = 24 * time.Hour

// Config is the `config` of a connector of type pat.
type Config struct {
	// MaxGroupAge is how old what is known of a token's owner may be: whoever is disabled,
	// deleted or moved out of a group loses the rights within that time. 1s to 1h.
	MaxGroupAge time.Duration `yaml:"max_group_age"`

	// OutageGrace is how old it may be while the owner's connector cannot be reached; older
	// than that, the token gets no answer. 0s to 4h.
	OutageGrace time.Duration `yaml:"outage_grace"`

	// MaxLoginAge is how long the groups of a login count where the owner's connector
	// cannot look anybody up without a password. 1h to 30d.
	MaxLoginAge time.Duration `yaml:"max_login_age"`

	// SelfService is what people may make for themselves.
	SelfService SelfService `yaml:"self_service"`
}

// SelfService says whether people make their own tokens, and bounds those.
type SelfService struct {
	Enabled       bool          `yaml:"enabled"`
	DefaultExpiry time.Duration `yaml:"default_expiry"` // where none is asked for
	MaxExpiry     time.Duration `yaml:"max_expiry"`     // 1m to 366d
	Scopes        []string      `yaml:"scopes"`         // the widest ceilings: each scope of a token lies within one of them
	MaxTokens     int           `yaml:"max_tokens"`     // live ones of one person; 1 to 100
}

var (
	_ connectors.Validator = (*Config)(nil)
	_ connectors.Grouped   = (*Config)(nil)
	_ connectors.Ceiled    = (*Config)(nil)
	_ connectors.Connected = (*Config)(nil)
)

// DefaultConfig returns the defaults.
func DefaultConfig() *Config {
	return &Config{
		MaxGroupAge: 15 * time.Minute,
		OutageGrace: 4 * time.Hour,
		MaxLoginAge: day,
		SelfService: SelfService{
			DefaultExpiry: 30 * day,
			MaxExpiry:     90 * day,
			Scopes:        []string{"repository:**:*", "registry:catalog:*"},
			MaxTokens:     20,
		},
	}
}

// HasGroups reports that the connector gives no groups of its own: those of a token are
// its owner's.
func (c *Config) HasGroups() bool { return false }

// Connections is none: tokens are in the program's own database.
func (c *Config) Connections(int) int { return 0 }

// Ceilings returns the widest ceilings of what people make for themselves.
func (c *Config) Ceilings() (field string, scopes []string) {
	return "self_service.scopes", c.SelfService.Scopes
}

// Validate checks the bounds.
func (c *Config) Validate() []connectors.FieldProblem {
	var problems []connectors.FieldProblem
	within := func(field string, d, least, most time.Duration) {
		if d < least || d > most {
			problems = append(problems, connectors.FieldProblem{Field: field, Message: fmt.Sprintf("want %s to %s, got %s", show(least), show(most), show(d))})
		}
	}
	s := c.SelfService
	within("max_group_age", c.MaxGroupAge, minGroupAge, maxGroupAge)
	within("outage_grace", c.OutageGrace, 0, maxOutageGrace)
	within("max_login_age", c.MaxLoginAge, minLoginAge, maxLoginAge)
	within("self_service.max_expiry", s.MaxExpiry, MinExpiry, MaxExpiry)
	if s.DefaultExpiry < MinExpiry || s.DefaultExpiry > s.MaxExpiry {
		problems = append(problems, connectors.FieldProblem{
			Field:   "self_service.default_expiry",
			Message: fmt.Sprintf("want %s to max_expiry, which is %s, got %s", show(MinExpiry), show(s.MaxExpiry), show(s.DefaultExpiry)),
		})
	}
	if len(s.Scopes) == 0 {
		problems = append(problems, connectors.FieldProblem{
			Field:   "self_service.scopes",
			Message: "is an empty list, by which nobody could make a token: name a scope, such as repository:**:pull, or set enabled: false and remove the key",
		})
	}
	if s.MaxTokens < 1 || s.MaxTokens > MaxTokens {
		problems = append(problems, connectors.FieldProblem{Field: "self_service.max_tokens", Message: fmt.Sprintf("want 1 to %d, got %d", MaxTokens, s.MaxTokens)})
	}
	return problems
}

// show prints a duration as configurations write it: in days, where it is whole days.
func show(d time.Duration) string {
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
