package pat_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/pat"
)

func TestText(t *testing.T) {
	form := regexp.MustCompile(`^srp_[0-9A-Za-z]{50}$`)
	seen := map[string]bool{}
	for range 1000 {
		made := pat.NewText()
		text := made.Secret().Reveal()
		if !form.MatchString(text) || seen[made.ID()] {
			t.Fatalf("a token of the wrong form, or an id that was there: %d characters, id %s", len(text), made.ID())
		}
		seen[made.ID()] = true
		read, ok := pat.ParseText(connectors.NewSecret(text))
		if !ok || read.ID() != made.ID() || read.Hash() != made.Hash() || !pat.IsID(read.ID()) {
			t.Fatalf("the token with the id %s is not read as it was made", made.ID())
		}
	}
}

// TestDigitsAreEven holds that no digit is likelier than another, as the first eight would
// be if a byte's remainder were taken as it is.
func TestDigitsAreEven(t *testing.T) {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	first, all := 0, 0
	for range 5000 {
		for _, c := range pat.NewText().Secret().Reveal()[4:48] {
			all++
			if strings.ContainsRune(digits[:8], c) {
				first++
			}
		}
	}
	// 8/62 is 0.129, and 40/256 would be 0.156: the standard deviation is 0.0007.
	if share := float64(first) / float64(all); share < 0.122 || share > 0.136 {
		t.Errorf("the first eight digits are %.3f of all", share)
	}
}

// The checksum is part of the interface: secret scanners compute it.
func TestChecksum(t *testing.T) {
	const body = "srp_0123456789ab" + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
	const text = body + "3a1QgX"
	read, ok := pat.ParseText(connectors.NewSecret(text))
	if !ok {
		t.Fatal("a token whose checksum was computed elsewhere is not read")
	}
	if read.ID() != "0123456789ab" {
		t.Errorf("ID() = %q", read.ID())
	}
}

func TestNoText(t *testing.T) {
	good := pat.NewText().Secret().Reveal()
	swap := func(i int, c byte) string { return good[:i] + string(c) + good[i+1:] }
	other := func(c byte) byte {
		if c == 'a' {
			return 'b'
		}
		return 'a'
	}
	texts := map[string]string{
		"empty":              "",
		"prefix alone":       "srp_",
		"a character short":  good[:len(good)-1],
		"a character long":   good + "0",
		"other prefix":       "srr_" + good[4:],
		"prefix in capitals": "SRP_" + good[4:],
		"space around":       " " + good[:len(good)-1],
		"not base62":         swap(20, '-'),
		"beyond ASCII":       good[:20] + "é" + good[22:],
		"NUL":                swap(20, 0),
		"only the checksum":  strings.Repeat("0", len(good)),
	}
	for i := range good[4:] {
		texts[fmt.Sprintf("character %d differs", 4+i)] = swap(4+i, other(good[4+i]))
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			if _, ok := pat.ParseText(connectors.NewSecret(text)); ok {
				t.Error("taken for a token")
			}
		})
	}
}

func FuzzParseText(f *testing.F) {
	f.Add(pat.NewText().Secret().Reveal())
	f.Add("srp_")
	f.Fuzz(func(t *testing.T, s string) {
		if read, ok := pat.ParseText(connectors.NewSecret(s)); ok && (len(s) != 54 || !pat.IsID(read.ID())) {
			t.Errorf("%q was taken for a token", s)
		}
	})
}
