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
	remedy := r.path("ca-key.pem") + ": " + want + ": set the clock if that is wrong; else replace the CA (shorepass keys rollover-ca start, and then activate)"
	if _, err := ring.RotateIfDue(); err == nil || err.Error() != `rotate keys of realm "corp": `+remedy {
		t.Errorf("rotate: %v", err)
	}
	if err := check(r.config); err == nil || err.Error() != remedy {
		t.Errorf("check: %v", err)
	}
}

// A CA that expired while nothing served is replaced like any other, and keeps nothing else
// from being served.
func TestExpiredCA(t *testing.T) {
	for name, open := range map[string]func(token.Config) (*token.Ring, error){"while it serves": token.Open, "on the files": token.Load} {
		for _, lost := range []bool{false, true} {
			r := publishing(t)
			r.open(t)
			if lost {
				remove(t, r.path("leaf-key.pem"))
			}
			r.clock.add(3660 * day)
			ring, err := open(r.config)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, err := ring.Issue(pull()); err == nil || !strings.Contains(err.Error(), "the certificate expired at ") {
				t.Errorf("%s: issued under a CA that has expired: %v", name, err)
			}
			if err := ring.Ready(); err == nil {
				t.Errorf("%s: ready", name)
			}
			issue(t, ring, forV3())
			do(t, ring, token.PublishCA)
			r.clock.add(token.Settle)
			do(t, ring, token.ActivateCA)
			for _, again := range []*token.Ring{ring, r.open(t)} {
				r.wantSigned(t, issue(t, again, pull()).Raw, again.Bundle(), signing(again).KID)
			}
			if err := check(r.config); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			r.clock.add(token.Retention)
			do(t, ring, token.RetireCA)
		}
	}
}

// Nobody can read back what is longer than that.
func TestTooManyRotations(t *testing.T) {
	r := newRig(t)
	r.config.Algorithm = token.RS256
	r.open(t)
	one := blocks(t, r.path("leaf-key.pem"))
	// As after many rotations: the same leaf, retired again and again.
	writeFile(t, r.path("leaf-key.pem"), one[0], bytes.Repeat(one[1], (1<<20-len(one[0]))/len(one[1])))
	ring := r.open(t)
	before := contents(t, r.config.Dir)
	_, err := ring.Rotate()
	var refusal token.Refusal
	if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "has no room for more") {
		t.Errorf("rotated: %v", err)
	}
	if contents(t, r.config.Dir) != before {
		t.Error("the files changed")
	}
	r.open(t)
	r.clock.add(token.Retention)
	if _, err := ring.Rotate(); err != nil {
		t.Errorf("when the tokens have expired: %v", err)
	}
}

// Load changes nothing, whatever is due or missing.
func TestLoadChangesNothing(t *testing.T) {
	r := newRig(t)
	if _, err := token.Load(r.config); !errors.Is(err, token.ErrNoKeys) {
		t.Errorf("loaded what is not there: %v", err)
	}
	if _, err := os.Stat(r.config.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("made a folder: %v", err)
	}
	do(t, r.open(t), token.PublishCA)
	writeFile(t, r.path("ca-next-key.pem"), readFile(t, r.path("ca-key.pem"))) // as a process leaves it that died
	remove(t, r.path("jwks-key.pem"))
	r.clock.add(31 * day)
	before := contents(t, r.config.Dir)
	ring, err := token.Load(r.config)
	if err != nil {
		t.Fatal(err)
	}
	if contents(t, r.config.Dir) != before {
		t.Error("the files changed")
	}
	if got, want := describeUses(ring), []string{"issuing ES256", "signing ES256"}; !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	if len(ring.JWKS()) != 0 || len(ring.Certificate()) != 0 {
		t.Errorf("JWKS %s, certificate %s", ring.JWKS(), ring.Certificate())
	}
	r.wantRefusal(t, ring, token.PublishKey, "there is no key for services with trust jwks yet")
}

// What the ring does by itself is told, with the key, and nothing else is.
func TestChanged(t *testing.T) {
	r := newRig(t)
	var told []string
	var last token.KeyInfo
	r.config.Changed = func(a token.Act, k token.KeyInfo) { told, last = append(told, string(a)), k }
	ring := r.open(t)
	r.open(t)
	do(t, ring, token.RotateKeys)
	r.clock.add(31 * day)
	if _, err := ring.RotateIfDue(); err != nil {
		t.Fatal(err)
	}
	if last.KID != signing(ring).KID {
		t.Errorf("told of %s, while %s signs", last.KID, signing(ring).KID)
	}
	r.clock.add(31 * day)
	ring = r.open(t)
	if want := []string{"make-ca", "rotate-keys", "make-key", "rotate-keys", "rotate-keys"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	if last.KID != signing(ring).KID {
		t.Errorf("told of %s, while %s signs", last.KID, signing(ring).KID)
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
	for _, k := range ring.Keys() {
		if k.Kind == token.Leaf {
			known = append(known, k.KID)
		}
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
