package static

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
