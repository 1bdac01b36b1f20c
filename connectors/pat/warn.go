package pat

import (
	"log/slog"

	"github.com/shorepass/shorepass/connectors"
)

// warnMissing says that the realm lacks a connector that accounts with tokens are of.
func (o *owners) warnMissing(connector string) {
	o.warn(connector, "access tokens are refused: they belong to accounts of a connector that the realm does not have: "+
		"add it under its name, or revoke them", slog.String("owner_connector", connector))
}

// warnName says that an owner has a user name that the realm does not take.
func (o *owners) warnName(known Owner, form connectors.UsernameForm) {
	a := known.Account
	o.warn(a.Connector+"\x00"+a.ID+"\x00"+known.Username, "access tokens are refused: their owner has a user name that is not in the form of the realm's, which is "+form.String()+
		": have the connector give another one, set unicode_usernames if it has other letters, or revoke them",
		slog.String("owner_connector", a.Connector), slog.String("account", a.ID), slog.String("username", known.Username))
}

// warn logs once for a key, and not at each login.
func (o *owners) warn(key, message string, about ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.warned[key] {
		o.warned[key] = true
		o.logger.Warn(message, about...)
	}
}
