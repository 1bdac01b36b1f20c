package cmd

import (
	"strings"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/config"
)

// presetReport is what one key of a connector's configuration has set of the others.
type presetReport struct {
	Realm     string   `json:"realm,omitempty"`
	Connector string   `json:"connector,omitempty"`
	By        string   `json:"by"`  // the key with its value
	Sets      []string `json:"set"` // keys with their values
}

// presetOf returns what is preset of a connector; nil for nothing.
func presetOf(c config.Connector) *presetReport {
	p, ok := c.Config.(connectors.Preset)
	if !ok {
		return nil
	}
	by, set := p.Preset()
	if by == "" {
		return nil
	}
	return &presetReport{By: by, Sets: append([]string{}, set...)}
}

// String tells it in a line.
func (p *presetReport) String() string {
	text := p.By + " sets " + strings.Join(p.Sets, ", ")
	if len(p.Sets) == 0 {
		text = p.By + " sets nothing: all is written"
	}
	return text
}

// presets tells what is preset of the connectors of all realms.
func presets(cfg *config.Config) []*presetReport {
	var all []*presetReport
	if cfg == nil {
		return nil
	}
	for _, r := range cfg.Realms {
		for _, c := range r.Connectors {
			if p := presetOf(c); p != nil {
				p.Realm, p.Connector = r.Name, c.Name
				all = append(all, p)
			}
		}
	}
	return all
}
