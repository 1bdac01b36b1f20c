package config

import "github.com/shorepass/shorepass/connectors/guard"

// Limits bound what clients may ask of the process.
type Limits struct {
	Requests     RequestLimits
	Connections  int // that clients may have open to the public listener
	FailedLogins guard.Limits
}

// RequestLimits bound the requests to the public listener.
type RequestLimits struct {
	AtOnce int // how many are worked on at once
}

// The most that the limits may be: far beyond what a machine can do, and still no slip of
// the finger.
const (
	maxRequestsAtOnce = 100_000
	maxConnections    = 1_000_000
)

// limitKeys are the keys of limits.
type limitKeys struct {
	Requests     requestLimitKeys `yaml:"requests"`
	Connections  int              `yaml:"connections"`
	FailedLogins guard.Limits     `yaml:"failed_logins"`
}

type requestLimitKeys struct {
	AtOnce int `yaml:"at_once"`
}

func defaultLimits() limitKeys {
	return limitKeys{Requests: requestLimitKeys{AtOnce: 128}, Connections: 2048, FailedLogins: guard.DefaultLimits()}
}

func (k limitKeys) limits() Limits {
	return Limits{Requests: RequestLimits(k.Requests), Connections: k.Connections, FailedLogins: k.FailedLogins}
}

func (p part) checkLimits(keys limitKeys) {
	p.number("limits.requests.at_once", keys.Requests.AtOnce, 1, maxRequestsAtOnce)
	p.number("limits.connections", keys.Connections, 1, maxConnections)
	for _, fault := range keys.FailedLogins.Validate() {
		path := "limits.failed_logins." + fault.Field
		p.report(path, "%s: %s", path, fault.Message)
	}
}

// number checks that a value lies between two others.
func (p part) number(path string, value, least, most int) {
	if value < least || value > most {
		p.report(path, "%s: want a number from %d to %d", path, least, most)
	}
}
