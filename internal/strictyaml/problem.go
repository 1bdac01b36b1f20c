package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one fault of a file. Line and Column count from 1, columns in
// characters; both are 0 where the fault is of the file as a whole: one that does not
// exist has no first line.
type Problem struct {
	File         string // empty where none was named
	Line, Column int
	Path         string // of the faulty value from what was decoded, as in [Node.Problem]; a misspelled key counts as the one that was meant, unless that is there too
	Message      string // what is wrong and what to do
}

// String returns FILE:LINE:COL: MESSAGE, as compilers print it.
func (p Problem) String() string {
	switch {
	case p.File == "":
		return p.Message
	case p.Line == 0:
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Problems are all the faults of one or more files.
type Problems []Problem

// Error prints one problem a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Sorted returns the problems by file, line and column, each once: what an alias
// stands for has several paths and one place.
func (p Problems) Sorted() Problems {
	seen := make(map[Problem]bool, len(p))
	sorted := make(Problems, 0, len(p))
	for _, problem := range p {
		key := problem
		key.Path = ""
		if !seen[key] {
			seen[key] = true
			sorted = append(sorted, problem)
		}
	}
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return sorted
}
