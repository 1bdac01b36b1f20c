package audit

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/shorepass/shorepass/broker"
)

// appendLine appends what encoding/json would write of an entry, and ends the line. It is
// done by hand since every request waits for it; a test holds the two to the same bytes,
// those of a new field included.
func appendLine(text []byte, e *broker.Entry) []byte {
	o := object(append(text, '{')).
		moment("time", e.Time).
		string("request_id", e.RequestID).
		string("realm", e.Realm).
		string("service", e.Service).
		string("client_ip", e.ClientIP).
		string("user_agent", e.UserAgent).
		string("username", e.Username).
		stringIfAny("account", e.Account).
		string("connector", e.Connector).
		string("via", e.Via).
		string("kind", e.Kind).
		string("subject", e.Subject).
		list("groups", e.Groups).
		list("asked", e.Asked).
		listIfAny("dropped", e.Dropped).
		verdicts("granted", e.Granted).
		verdicts("refused", e.Refused).
		listIfAny("warnings", e.Warnings).
		string("jti", e.JTI).
		number("latency_ms", e.LatencyMS).
		string("outcome", e.Outcome).
		string("reason", e.Reason).
		stringIfAny("answer", e.Answer).
		stringIfAny("act", e.Act).
		ofTokens(e).
		ofKeys(e).
		ofMany(e).
		stringIfAny("file", e.File)
	return append(o, '}', '\n')
}

// ofTokens adds what acts on access tokens, and logins with them, have besides.
func (o object) ofTokens(e *broker.Entry) object {
	o = o.stringIfAny("token", e.Token).listIfAny("tokens", e.Tokens).stringIfAny("owner", e.Owner)
	if !e.Expires.IsZero() {
		o = o.moment("expires", e.Expires)
	}
	if e.UID != nil {
		o = strconv.AppendUint(o.key("uid"), uint64(*e.UID), 10)
	}
	return o.stringIfAny("name", e.Name).listIfAny("networks", e.Networks)
}

// ofMany adds what a line for several has besides.
func (o object) ofMany(e *broker.Entry) object {
	if e.Count != 0 {
		o = strconv.AppendInt(o.key("count"), int64(e.Count), 10)
	}
	if !e.Until.IsZero() {
		o = o.moment("until", e.Until)
	}
	return o
}

// ofKeys adds what acts on keys have besides.
func (o object) ofKeys(e *broker.Entry) object {
	o = o.stringIfAny("key", e.Key)
	if e.Force {
		o = append(o.key("force"), "true"...)
	}
	return o.stringIfAny("cause", e.Cause)
}

// object is the text of a JSON object up to its end. Its methods add a field; names of
// fields need no escapes.
type object []byte

func (o object) key(name string) object {
	if o[len(o)-1] != '{' {
		o = append(o, ',')
	}
	return append(append(append(o, '"'), name...), `":`...)
}

func (o object) string(name, s string) object { return o.key(name).quote(s) }

func (o object) stringIfAny(name, s string) object {
	if s == "" {
		return o
	}
	return o.string(name, s)
}

func (o object) number(name string, n float64) object {
	return strconv.AppendFloat(o.key(name), n, 'f', -1, 64)
}

func (o object) moment(name string, t time.Time) object {
	return append(t.AppendFormat(append(o.key(name), '"'), time.RFC3339Nano), '"')
}

func (o object) list(name string, items []string) object {
	o = o.key(name)
	if items == nil {
		return append(o, "null"...)
	}
	o = append(o, '[')
	for i, s := range items {
		o = o.comma(i).quote(s)
	}
	return append(o, ']')
}

func (o object) listIfAny(name string, items []string) object {
	if len(items) == 0 {
		return o
	}
	return o.list(name, items)
}

func (o object) verdicts(name string, list []broker.Verdict) object {
	o = o.key(name)
	if list == nil {
		return append(o, "null"...)
	}
	o = append(o, '[')
	for i := range list {
		v := &list[i]
		o = append(o.comma(i), '{').
			string("scope", v.Scope).
			string("action", v.Action).
			string("reason", string(v.Reason)).
			string("rule", v.Rule)
		o = append(o, '}')
	}
	return append(o, ']')
}

// comma stands before every item of a list but the first.
func (o object) comma(i int) object {
	if i == 0 {
		return o
	}
	return append(o, ',')
}

// quote adds a string. One with anything that may need an escape is left to encoding/json.
func (o object) quote(s string) object {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a string: cannot fail
			return append(o, quoted...)
		}
	}
	return append(append(append(o, '"'), s...), '"')
}
