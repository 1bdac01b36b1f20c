package token_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

// block keeps a file of the rig's from being written.
func (r *rig) block(t *testing.T, name string) (unblock func()) {
	t.Helper()
	obstacle := r.path(name + ".new")
	if err := os.MkdirAll(filepath.Join(obstacle, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := os.RemoveAll(obstacle); err != nil {
			t.Fatal(err)
		}
	}
}

// What cannot be written does not count: the act fails, registries are told nothing new, and
// it can be done again.
func TestRolloverCannotWrite(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	for _, step := range []struct {
		act  token.Act
		file string
	}{
		{token.PublishCA, "ca-next-key.pem"},
		{token.ActivateCA, "ca-key.pem"},
		{token.RetireCA, "leaf-key.pem"},
		{token.RetireCA, "ca-key.pem"},
	} {
		before, keys := string(ring.Bundle()), len(describeUses(ring))
		unblock := r.block(t, step.file)
		if _, err := ring.Do(step.act, true); err == nil || !strings.Contains(err.Error(), step.file) {
			t.Errorf("%s, without %s: %v", step.act, step.file, err)
		}
		if string(ring.Bundle()) != before {
			t.Errorf("%s, without %s: the bundle is another", step.act, step.file)
		}
		if step.act != token.RetireCA && len(describeUses(ring)) != keys {
			t.Errorf("%s, without %s: the keys are %v", step.act, step.file, describeUses(ring))
		}
		unblock()
		r.wantSigned(t, issue(t, r.open(t), pull()).Raw, ring.Bundle(), signing(ring).KID)
		if step.file == "leaf-key.pem" {
			continue // the next step is the same act
		}
		if _, err := ring.Do(step.act, true); err != nil {
			t.Errorf("%s, again: %v", step.act, err)
		}
	}
	if got := strings.Count(string(ring.Bundle()), "BEGIN"); got != 1 {
		t.Errorf("%d certificates in the bundle", got)
	}
}

// Where the leaf of the next CA cannot be written, the act says so, and the one before signs
// until it can.
func TestActivateCAWithoutLeaf(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	do(t, ring, token.PublishCA)
	r.clock.add(token.Settle)
	old, both := signing(ring).KID, ring.Bundle()
	unblock := r.block(t, "leaf-key.pem")
	if _, err := ring.Do(token.ActivateCA, false); err == nil || !strings.Contains(err.Error(), "leaf-key.pem") {
		t.Errorf("error %v", err)
	}
	r.wantSigned(t, issue(t, ring, pull()).Raw, both, old)
	unblock()
	if rotated, err := ring.RotateIfDue(); err != nil || !rotated || signing(ring).KID == old {
		t.Errorf("rotated: %v, %v; %s signs", rotated, err, signing(ring).KID)
	}
	r.wantSigned(t, issue(t, ring, pull()).Raw, both, signing(ring).KID)
}

// A CA is needed until the last token of its last leaf has expired, whatever leaves there were
// before that one, and are since; those of the present CA stay.
func TestLastLeafOfOldCA(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	do(t, ring, token.PublishCA)
	r.clock.add(token.Settle - time.Minute)
	do(t, ring, token.RotateKeys)
	r.clock.add(time.Minute)
	do(t, ring, token.ActivateCA)
	needed := r.clock.now().Add(token.Retention)
	r.clock.add(time.Minute)
	do(t, ring, token.RotateKeys)
	r.wantRefusal(t, ring, token.RetireCA, "may be alive until "+needed.UTC().Format(time.RFC3339))
	r.clock.add(needed.Sub(r.clock.now()))
	do(t, ring, token.RetireCA)
	for _, opened := range []*token.Ring{ring, r.open(t)} {
		if got, want := uses(t, opened), []string{"issuing ES256", "signing ES256", "retired ES256"}; !slices.Equal(got, want) {
			t.Errorf("keys %v, want %v", got, want)
		}
	}
}

// Where no leaf signs at all, the CA before is not taken away either.
func TestRetireCAWithoutLeaf(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	for _, a := range []token.Act{token.PublishCA, token.ActivateCA} {
		if _, err := ring.Do(a, true); err != nil {
			t.Fatal(err)
		}
	}
	remove(t, r.path("leaf-key.pem"))
	ring, err := token.Load(r.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, force := range []bool{false, true} {
		if _, err := ring.Do(token.RetireCA, force); err == nil || !strings.Contains(err.Error(), "no leaf of the present CA signs") {
			t.Errorf("force %v: %v", force, err)
		}
	}
}

// A next CA that was published beside one which is replaced already, such as by a restored
// file, does not keep the CA before in the bundle.
func TestRetireCABesideNext(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	for _, a := range []token.Act{token.PublishCA, token.ActivateCA, token.RetireCA, token.PublishCA} {
		if _, err := ring.Do(a, true); err != nil {
			t.Fatal(err)
		}
	}
	next := readFile(t, r.path("ca-next-key.pem"))
	for _, a := range []token.Act{token.PublishCA, token.ActivateCA} {
		if _, err := ring.Do(a, true); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, r.path("ca-next-key.pem"), next)
	ring, err := token.Load(r.config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Do(token.RetireCA, true); err != nil {
		t.Error(err)
	}
	if got := ring.Bundle(); strings.Count(string(got), "BEGIN") != 2 || string(got) != string(r.open(t).Bundle()) {
		t.Errorf("the bundle is %s", got)
	}
}
