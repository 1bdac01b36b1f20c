package strictyaml

import "strings"

// Nearest returns the known name that word may be a misspelling of, if there is one.
func Nearest(word string, known []string) (string, bool) {
	best, least := "", len(word)
	for _, name := range known {
		far := distance(strings.ToLower(word), strings.ToLower(name))
		if far <= max(len(word), len(name))/3 && far < least || far == 0 {
			best, least = name, far
		}
	}
	return best, best != ""
}

// distance counts the letters to insert, delete, replace, or swap with their
// neighbor that make b of a (optimal string alignment).
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	before, last, row := rows[0], rows[1], rows[2]
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
