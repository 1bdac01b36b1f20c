package static

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/shorepass/shorepass/connectors"
)

// Algorithm is a password hash that the connector checks.
type Algorithm string

// The algorithms, by the names that "shorepass users hash" takes.
const (
	Argon2id Algorithm = "argon2id" // RFC 9106; memory-hard
	Bcrypt   Algorithm = "bcrypt"   // what htpasswd files hold; takes no more than 72 bytes
)

// The cost of new hashes: the first choice of OWASP's password storage guide for
// argon2id, and about as long for bcrypt.
const (
	newMemory = 19 * 1024 // KiB
	newTime   = 2
	newLanes  = 1
	newCost   = 10
)

// The highest costs that a file may ask for: one login must end well within the
// time of a request, and within the memory of a small container.
const (
	maxMemory = 128 * 1024 // KiB
	maxTime   = 16
	maxLanes  = 16
	maxCost   = 14
)

// hash is a parsed password hash.
type hash interface {
	matches(password string) bool
	cost() int // about how long it takes, for comparison
}

// Hash makes the hash of a password for users.yaml.
func Hash(password connectors.Secret, a Algorithm) (string, error) {
	if password.Blank() {
		return "", errors.New("the password is empty")
	}
	switch a {
	case Bcrypt:
		h, err := bcrypt.GenerateFromPassword([]byte(password.Reveal()), newCost)
		if errors.Is(err, bcrypt.ErrPasswordTooLong) {
			return "", errors.New("bcrypt takes passwords of at most 72 bytes: use argon2id")
		}
		return string(h), err
	case Argon2id:
		salt := make([]byte, 16)
		_, _ = rand.Read(salt) // never fails: crypto/rand ends the process instead
		h := argon{memory: newMemory, time: newTime, lanes: newLanes, salt: salt}
		h.key = h.derive(password.Reveal(), 32)
		return h.String(), nil
	}
	return "", fmt.Errorf("unknown algorithm %q: want argon2id or bcrypt", a)
}

// parseHash reads a bcrypt or argon2id hash. Its errors never show the hash.
func parseHash(s string) (hash, error) {
	switch {
	case strings.HasPrefix(s, "$2"):
		return parseBcrypt(s)
	case strings.HasPrefix(s, "$argon2id$"):
		return parseArgon(s)
	case s == "":
		return nil, errors.New("the password hash is empty")
	}
	return nil, errors.New("not a bcrypt ($2b$…) or argon2id ($argon2id$…) hash: make one with \"shorepass users hash\"")
}

type bcryptHash []byte

func parseBcrypt(s string) (hash, error) {
	cost, err := bcrypt.Cost([]byte(s))
	if err != nil || len(s) != 60 {
		return nil, errors.New("not a whole bcrypt hash: it has 60 characters, such as $2b$11$ and 53 more")
	}
	if cost > maxCost {
		return nil, fmt.Errorf("bcrypt cost %d is too high: at most %d, or a login takes longer than clients wait", cost, maxCost)
	}
	return bcryptHash(s), nil
}

// matches refuses what bcrypt would take for another password: it reads 72 bytes,
// repeating the password and a NUL after it until they are full.
func (h bcryptHash) matches(password string) bool {
	same := bcrypt.CompareHashAndPassword(h, []byte(password)) == nil
	return same && len(password) <= 72 && !strings.Contains(password, "\x00")
}

// cost counts what takes about a microsecond.
func (h bcryptHash) cost() int {
	exponent, _ := bcrypt.Cost(h) // was checked when it was read
	return 40 << exponent
}

// argon is an argon2id hash in the PHC string format.
type argon struct {
	memory, time uint32
	lanes        uint8
	salt, key    []byte
}

func parseArgon(s string) (hash, error) {
	bad := errors.New("not a whole argon2id hash: want $argon2id$v=19$m=MEMORY,t=TIME,p=LANES$SALT$KEY")
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[2] != "v=19" {
		return nil, bad
	}
	var h argon
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.lanes); err != nil || n != 3 {
		return nil, bad
	}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	h.key, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || h.String() != s {
		return nil, bad
	}
	return h, h.check()
}

func (h argon) check() error {
	switch {
	case h.memory > maxMemory || h.time > maxTime || h.lanes > maxLanes:
		return fmt.Errorf("argon2id costs too much: at most m=%d,t=%d,p=%d", maxMemory, maxTime, maxLanes)
	case h.time < 1 || h.lanes < 1 || h.memory < 8*uint32(h.lanes):
		return errors.New("argon2id costs too little: at least t=1, p=1 and m=8 for each lane (RFC 9106 §3.1)")
	case len(h.salt) < 8 || len(h.key) < 16 || len(h.salt) > 64 || len(h.key) > 64:
		return errors.New("argon2id salt or key has an unusual length: want 8 to 64 bytes of salt and 16 to 64 of key")
	}
	return nil
}

func (h argon) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.key, h.derive(password, len(h.key))) == 1
}

// cost counts what takes about a microsecond.
func (h argon) cost() int { return int(h.memory) * int(h.time) * 7 / 10 }

func (h argon) derive(password string, size int) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.lanes, uint32(size)) //nolint:gosec // size is at most 64
}

func (h argon) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", h.memory, h.time, h.lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}
