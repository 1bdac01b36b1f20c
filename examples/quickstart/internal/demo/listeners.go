package demo

import (
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

// listeners are the addresses that shorepass.yaml has the broker listen on. The file
// is for the broker to judge: what is missing or odd here is left to it.
type listeners struct {
	Listen  string `yaml:"listen"`
	Monitor string `yaml:"monitor"`
}

func readListeners(config string) (listeners, error) {
	text, err := os.ReadFile(config)
	if err != nil {
		return listeners{}, fmt.Errorf("the broker's configuration: %w", err)
	}
	var l listeners
	if yaml.Unmarshal(text, &l) != nil {
		return listeners{}, nil
	}
	return l, nil
}

func (l listeners) ports() []Port {
	var ports []Port
	for _, p := range []Port{{l.Listen, "the broker"}, {l.Monitor, "the broker's monitor"}} {
		if isAddress(p.Address) {
			ports = append(ports, p)
		}
	}
	return ports
}
