package token_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

func TestRotate(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	bundle, first := ring.Bundle(), signing(ring)
	before := issue(t, ring, pull())
	oldKey := blocks(t, r.path("leaf-key.pem"))[0]

	r.clock.add(time.Minute)
	second, err := ring.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if second != signing(ring) || second.KID == first.KID {
		t.Errorf("rotated from %v to %v, while %v signs", first, second, signing(ring))
	}
	if !bytes.Equal(ring.Bundle(), bundle) {
		t.Error("the bundle changed")
	}
	r.wantSigned(t, before.Raw, bundle, first.KID)
	r.wantSigned(t, issue(t, ring, pull()).Raw, bundle, second.KID)
	if bytes.Contains(readFile(t, r.path("leaf-key.pem")), oldKey) {
		t.Error("the retired private key is still there")
	}

	want := []string{"issuing ES256", "signing ES256", "retired ES256"}
	for _, opened := range []*token.Ring{ring, r.open(t)} {
		if got := uses(t, opened); !slices.Equal(got, want) {
			t.Errorf("keys %v, want %v", got, want)
		}
		if got := opened.Keys()[2].KID; got != first.KID {
			t.Errorf("retired %s, want %s", got, first.KID)
		}
		r.wantSigned(t, issue(t, opened, pull()).Raw, bundle, second.KID)
	}
}

func TestRetiredKeyStaysWhileItsTokensLive(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	if _, err := ring.Rotate(); err != nil {
		t.Fatal(err)
	}
	with, without := []string{"issuing ES256", "signing ES256", "retired ES256"}, []string{"issuing ES256", "signing ES256"}
	for _, step := range []struct {
		later time.Duration
		want  []string
	}{
		{token.MaxTTL, with},
		{5*time.Minute - time.Second, with},
		{time.Second, without},
	} {
		r.clock.add(step.later)
		for _, opened := range []*token.Ring{ring, r.open(t)} {
			if got := uses(t, opened); !slices.Equal(got, step.want) {
				t.Errorf("%v later: keys %v, want %v", step.later, got, step.want)
			}
		}
	}
	if _, err := ring.Rotate(); err != nil {
		t.Fatal(err)
	}
	if got := len(blocks(t, r.path("leaf-key.pem"))); got != 3 {
		t.Errorf("%d blocks in the file, want key, leaf and one retired", got)
	}
}

func TestRotateIfDue(t *testing.T) {
	for _, tc := range []struct {
		name  string
		later time.Duration
		want  bool
	}{
		{"new", 0, false},
		{"30 days but for a second", 30*day - time.Second, false},
		{"30 days", 30 * day, true},
		{"overdue by far", 80 * day, true},
		{"expired", 91 * day, true},
		{"the clock was set back a little", -time.Hour + 2*time.Second, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			ring := r.open(t)
			first := signing(ring).KID
			r.clock.add(tc.later)
			rotated, err := ring.RotateIfDue()
			if err != nil || rotated != tc.want {
				t.Errorf("rotated %v (%v), want %v", rotated, err, tc.want)
			}
			if changed := signing(ring).KID != first; changed != tc.want {
				t.Errorf("another key signs: %v, want %v", changed, tc.want)
			}
			if again, err := ring.RotateIfDue(); again || err != nil {
				t.Errorf("rotated again: %v, %v", again, err)
			}
		})
	}
}

func TestOpenRotatesWhatIsDue(t *testing.T) {
	r := newRig(t)
	first := signing(r.open(t)).KID
	r.clock.add(31 * day)
	ring := r.open(t)
	if signing(ring).KID == first {
		t.Error("the overdue leaf still signs")
	}
	if got, want := uses(t, ring), []string{"issuing ES256", "signing ES256", "retired ES256"}; !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
}

// A clock that was far ahead leaves a leaf of the future.
func TestClockJumpsAndReturns(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	r.clock.add(400 * day)
	if rotated, err := ring.RotateIfDue(); !rotated || err != nil {
		t.Fatalf("rotated %v (%v), want true", rotated, err)
	}
	r.clock.add(-400 * day)
	if _, err := ring.Issue(pull()); err == nil || !strings.Contains(err.Error(), "the certificate is not valid before 2031-02-06T00:04:05Z (it is 2030-01-02T01:04:05Z now)") {
		t.Errorf("issued with a certificate of the future: %v", err)
	}
	if rotated, err := ring.RotateIfDue(); !rotated || err != nil {
		t.Fatalf("rotated %v (%v), want true", rotated, err)
	}
	r.wantSigned(t, issue(t, ring, pull()).Raw, ring.Bundle(), signing(ring).KID)
}

func TestAlgorithmChanges(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	bundle, old := ring.Bundle(), issue(t, ring, pull())
	oldKID := signing(ring).KID

	r.config.Algorithm = token.RS256
	ring = r.open(t)
	if !bytes.Equal(ring.Bundle(), bundle) {
		t.Error("the CA changed")
	}
	if got, want := uses(t, ring), []string{"issuing ES256", "signing RS256", "retired ES256"}; !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	r.wantSigned(t, old.Raw, bundle, oldKID)
	r.wantSigned(t, issue(t, ring, pull()).Raw, bundle, signing(ring).KID)

	r.config.Algorithm = token.ES256
	if got, want := uses(t, r.open(t)), []string{"issuing ES256", "signing ES256", "retired RS256", "retired ES256"}; !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
}

func TestLeafNeverOutlivesCA(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	end := ring.Keys()[0].NotAfter
	r.clock.add(end.Sub(r.clock.now()) - 40*day)
	r.log.Reset()
	if rotated, err := ring.RotateIfDue(); !rotated || err != nil {
		t.Fatalf("rotated %v (%v), want true", rotated, err)
	}
	if got := signing(ring).NotAfter; !got.Equal(end) {
		t.Errorf("the leaf ends at %v, its CA at %v", got, end)
	}
	if want := "the certificate that registries trust expires"; !strings.Contains(r.log.String(), want) {
		t.Errorf("log %q without %q", r.log, want)
	}

	r.clock.add(40*day + time.Second)
	const want = "the certificate expired at 2040-01-02T01:04:05Z (it is 2040-01-02T01:04:06Z now)"
	if _, err := ring.Issue(pull()); err == nil || err.Error() != "issue token: "+want {
		t.Errorf("issue: %v", err)
	}
	remedy := r.path("ca-key.pem") + ": " + want + ": set the clock if that is wrong; else move the whole folder away: a new CA is made then, and every registry needs its trust bundle"
	if _, err := ring.RotateIfDue(); err == nil || err.Error() != `rotate keys of realm "corp": `+remedy {
		t.Errorf("rotate: %v", err)
	}
	if _, err := token.Open(r.config); err == nil || err.Error() != `signing keys of realm "corp": `+remedy {
		t.Errorf("open: %v", err)
	}
}

func TestExpiryWarnsOnceADay(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	r.clock.add(ring.Keys()[0].NotAfter.Sub(r.clock.now()) - 100*day)
	r.log.Reset()
	for range 72 {
		if _, err := ring.RotateIfDue(); err != nil {
			t.Fatal(err)
		}
		r.clock.add(time.Hour)
	}
	if got := strings.Count(r.log.String(), "level=WARN"); got != 3 {
		t.Errorf("%d warnings in three days, want 3: %s", got, r.log)
	}
}

func TestRotateThatCannotBeWritten(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	first := signing(ring)
	if err := os.RemoveAll(r.config.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Rotate(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("rotated into a folder that is gone: %v", err)
	}
	if got := signing(ring); got != first {
		t.Errorf("%v signs, want the old key, %v", got, first)
	}
	r.wantSigned(t, issue(t, ring, pull()).Raw, ring.Bundle(), first.KID)
}

func TestParallelIssueAndRotate(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	kids := make(chan string, 100)
	var work sync.WaitGroup
	for range 100 {
		work.Go(func() {
			issued, err := ring.Issue(pull())
			if err != nil {
				t.Error(err)
				return
			}
			kid, err := signedBy(issued.Raw, ring.Bundle(), r.clock.now())
			if err != nil {
				t.Error(err)
			}
			kids <- kid
		})
	}
	for range 5 {
		work.Go(func() {
			if _, err := ring.Rotate(); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
	close(kids)
	var known []string
	for _, k := range readJWKS(t, ring) {
		known = append(known, k["kid"])
	}
	if len(known) != 6 {
		t.Errorf("%d keys published, want 6", len(known))
	}
	for kid := range kids {
		if !slices.Contains(known, kid) {
			t.Errorf("signed by %s, which is not published", kid)
		}
	}
}
