// Package telltale measures whether the time of refusals tells which names there are: it
// has a broker refuse logins of several kinds, interleaved, and says how well somebody who
// sees nothing but the times could tell one kind from another.
package telltale
