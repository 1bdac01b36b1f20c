package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// verifier checks every password against one hash, as many at once as there are cores:
// more would be slower.
func verifier(hash string) authenticate {
	matches := bcryptMatches(hash)
	if strings.HasPrefix(hash, "$argon2id$") {
		matches = argonMatches(hash)
	}
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	return func(_, password string) error {
		turn <- struct{}{}
		defer func() { <-turn }()
		if !matches(password) {
			return errors.New("wrong password")
		}
		return nil
	}
}

func bcryptMatches(hash string) func(string) bool {
	return func(password string) bool {
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	}
}

func argonMatches(hash string) func(string) bool {
	var memory, passes uint32
	var lanes uint8
	parts := strings.Split(hash, "$")
	_, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes)
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	key, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err := errors.Join(err, err1, err2); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return func(password string) bool {
		return bytes.Equal(key, argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(key))))
	}
}
