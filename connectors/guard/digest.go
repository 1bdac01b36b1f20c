package guard

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"

	"github.com/shorepass/shorepass/connectors"
)

// digest stands for a name and a password: what is remembered of a password is never more.
type digest [sha256.Size]byte

// in returns what stands for the same in a generation of the cache.
func (d digest) in(generation uint64) digest {
	binary.BigEndian.PutUint64(d[:], binary.BigEndian.Uint64(d[:])^generation)
	return d
}

// digester makes digests under a random key of its own, which is nowhere but in memory: what
// one has made says nothing to another (HMAC, RFC 2104).
type digester struct{ macs sync.Pool }

func newDigester() *digester {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return &digester{macs: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// of returns the digest of a password with a name. Each is preceded by its length, so that
// no two pairs are the same bytes.
func (d *digester) of(name string, password connectors.Secret) (sum digest) {
	mac := d.macs.Get().(hash.Hash) //nolint:forcetypeassert // what New makes
	defer d.macs.Put(mac)
	mac.Reset()
	for _, part := range [...]string{name, password.Reveal()} {
		_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = mac.Write([]byte(part))
	}
	mac.Sum(sum[:0])
	return sum
}
