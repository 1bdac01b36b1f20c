package policy

import (
	"fmt"
	"strings"
)

// suggest ends the message about an unknown word: with the known word nearest to
// it, or with all of them where none is near.
func suggest(word string, known []string) string {
	if len(known) == 0 {
		return ": the realm has none"
	}
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least && d < len(k) {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": use " + enumerate(known, "or")
}

// enumerate joins words as a sentence does.
func enumerate(words []string, conjunction string) string {
	n := len(words)
	if n == 1 {
		return words[0]
	}
	return strings.Join(words[:n-1], ", ") + " " + conjunction + " " + words[n-1]
}

// distance counts the insertions, deletions, replacements and swaps of neighbors
// that make b of a.
func distance(a, b string) int {
	var before []int // the row before the one above
	above := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
