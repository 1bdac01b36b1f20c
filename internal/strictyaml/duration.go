package strictyaml

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a duration as Go writes them, with days before the rest where
// wanted: 90s, 1h30m, 90d, 1d12h.
func ParseDuration(s string) (time.Duration, error) {
	if plainKind(s) == number {
		return 0, fmt.Errorf("%s is a duration without a unit: write %ss, %sm, %sh or %sd", clip(s), clip(s), clip(s), clip(s), clip(s))
	}
	days, rest, hasDays := strings.Cut(s, "d")
	if !hasDays {
		days, rest = "0", s
	}
	n, err := strconv.ParseUint(days, 10, 31)
	if err != nil || strings.HasPrefix(rest, "-") || strings.HasPrefix(rest, "+") {
		return 0, badDuration(s)
	}
	total := time.Duration(n) * 24 * time.Hour
	if n > math.MaxInt64/uint64(24*time.Hour) {
		return 0, badDuration(s)
	}
	if rest == "" && hasDays {
		return total, nil
	}
	part, err := time.ParseDuration(rest)
	if err != nil || part > math.MaxInt64-total {
		return 0, badDuration(s)
	}
	return total + part, nil
}

func badDuration(s string) error {
	return fmt.Errorf("%q is not a duration: want one such as 90s, 5m, 1h30m or 90d", clip(s))
}
