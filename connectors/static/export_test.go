package static

import "github.com/shorepass/shorepass/connectors"

// FreeLogins returns how many places of logins are free.
func (b *Bound) FreeLogins() int { return cap(b.logins) - len(b.logins) }

// FillLogins takes the places of all logins; release gives them back.
func (b *Bound) FillLogins() (release func()) { return fill(b.logins) }

// FillDecoys takes the places of all decoys; release gives them back.
func (b *Bound) FillDecoys() (release func()) { return fill(b.decoys) }

func fill(turns connectors.Turns) (release func()) {
	for range cap(turns) {
		turns <- struct{}{}
	}
	return func() {
		for range cap(turns) {
			turns.End()
		}
	}
}
