package guard

import (
	"cmp"
	"time"
)

// Look is what clients see of wrong passwords: the first are refused as wrong, and what goes
// beyond is answered that there were too many. In a realm all names look alike, whichever
// connector has them, or none: else these numbers would tell which. It says nothing of what
// is sent to a directory.
type Look struct {
	Budget int           // how many different passwords of a name are refused as wrong; 0: all
	Window time.Duration // for how long, from the last of them on
}

// is reports whether what clients see is what is sent.
func (l Look) is(s LockoutSettings) bool { return l.Budget == s.Budget && l.Window == s.Window }

// LookOf returns the look of a realm whose connectors have these settings: that of the
// strictest.
func LookOf(settings ...LockoutSettings) Look {
	var l Look
	for _, s := range settings {
		l.Window = max(l.Window, s.Window)
		if s.Budget > 0 {
			l.Budget = min(cmp.Or(l.Budget, s.Budget), s.Budget)
		}
	}
	return l
}
