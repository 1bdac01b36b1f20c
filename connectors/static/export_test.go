package static

// FreeLogins returns how many places of logins are free.
func (b *Bound) FreeLogins() int { return cap(b.logins) - len(b.logins) }

// FillLogins takes the places of all logins; release gives them back.
func (b *Bound) FillLogins() (release func()) {
	for range cap(b.logins) {
		b.logins <- struct{}{}
	}
	return func() {
		for range cap(b.logins) {
			<-b.logins
		}
	}
}
