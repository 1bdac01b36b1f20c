package store_test

import (
	"fmt"
	"testing"

	"github.com/shorepass/shorepass/connectors/pat"
)

// many is more tokens than the cache holds.
const many = 10_000

func BenchmarkToken(b *testing.B) {
	s := open(b)
	ids := make([]string, many)
	for i := range ids {
		t := token(fmt.Sprint(i))
		t.Account.ID = fmt.Sprint("account ", i/10)
		ids[i] = t.ID
		o := owner()
		o.Account = t.Account
		if i%10 == 0 {
			if err := s.SaveOwners(b.Context(), []pat.Owner{o}); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Create(b.Context(), t, pat.Owner{}, pat.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("cached", func(b *testing.B) {
		for b.Loop() {
			get(b, s, ids[0])
		}
	})
	b.Run("uncached", func(b *testing.B) {
		i := 0
		for b.Loop() {
			get(b, s, ids[i])
			i = (i + 1) % many
		}
	})
}

func BenchmarkCreate(b *testing.B) {
	s := open(b)
	i := 0
	for b.Loop() {
		i++
		create(b, s, token(fmt.Sprint(i)))
	}
}

func BenchmarkRevoke(b *testing.B) {
	s := open(b)
	ids := make([]string, 0, 1000)
	i := 0
	for b.Loop() {
		if i == len(ids) {
			b.StopTimer()
			ids = append(ids, create(b, s, token(fmt.Sprint(i))).ID)
			b.StartTimer()
		}
		if len(revoke(b, s, ids[i])) != 1 {
			b.Fatal("not revoked")
		}
		i++
	}
}
