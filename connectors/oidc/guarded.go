package oidc

import (
	"fmt"
	"runtime/debug"
)

// guarded turns a panic into an error: nobody stands above to recover from one, and it
// would end the program. Its own text might hold a secret.
func guarded[T any](f func() (T, error)) (value T, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic of type %T\n%s", v, debug.Stack())
		}
	}()
	return f()
}
