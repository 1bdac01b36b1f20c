package audit_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shorepass/shorepass/broker"
	"github.com/shorepass/shorepass/internal/audit"
)

// flooded has a bounded log that refusals have filled.
func flooded(t *testing.T) (b *audit.Bounded, log *audit.Log, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "audit.jsonl")
	log = open(t, path, time.Hour)
	b = audit.Bound(log)
	for range 10_000 {
		record(t, b, refusal("192.0.2.1", "wrong-password"))
	}
	return b, log, path
}

func record(t *testing.T, b *audit.Bounded, e broker.Entry) {
	t.Helper()
	e.Time = time.Now()
	if err := b.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func refusal(ip, reason string) broker.Entry {
	return broker.Entry{Realm: "corp", ClientIP: ip, Username: "alice", Outcome: "unauthenticated", Reason: reason}
}

// summaries are the lines for several, in the order of network and reason.
func summaries(t *testing.T, path string) []broker.Entry {
	t.Helper()
	list := slices.DeleteFunc(lines(t, path), func(e broker.Entry) bool { return e.Count == 0 })
	slices.SortFunc(list, func(a, b broker.Entry) int {
		return cmp.Or(cmp.Compare(a.ClientIP, b.ClientIP), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}

// TestRefusalsTakeBoundedRoom floods a log for an hour, and looks for what was granted and
// done meanwhile.
func TestRefusalsTakeBoundedRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, log, path := flooded(t)
		own := []broker.Entry{
			{RequestID: "granted", Outcome: "granted"},
			{RequestID: "partly", Outcome: "partly"},
			{RequestID: "denied", Outcome: "denied"},
			{RequestID: "signed in", Subject: "local:alice", Outcome: "internal"},
			{RequestID: "administrator", Kind: "administrator", Outcome: "unavailable"},
			{RequestID: "begun", Kind: "administrator", Outcome: "begun"},
		}
		const seconds = 3600
		for i := range seconds {
			for _, e := range own {
				record(t, b, e)
			}
			for range 100 {
				record(t, b, refusal(fmt.Sprintf("2001:db8:%x::1", i), "wrong-password"))
			}
			time.Sleep(time.Second)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		found, counted, size := map[string]int{}, 0, 0
		for line := range bytes.Lines(content(t, path)) {
			if bytes.Contains(line, []byte(`"wrong-password"`)) {
				size += len(line)
			}
		}
		for _, e := range lines(t, path) {
			found[e.RequestID]++
			if e.Reason == "wrong-password" {
				counted += max(1, e.Count)
			}
		}
		for _, e := range own {
			if found[e.RequestID] != seconds {
				t.Errorf("%q has %d lines, want %d", e.RequestID, found[e.RequestID], seconds)
			}
		}
		if want := 10_000 + 100*seconds; counted != want {
			t.Errorf("%d refusals are told of, want %d", counted, want)
		}
		if most := 2<<20 + seconds*(8<<10+33*400/10); size > most {
			t.Errorf("refusals took %d bytes, want at most %d", size, most)
		}
	})
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestAlikeShareALine counts refusals of several kinds.
func TestAlikeShareALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b, log, path := flooded(t)
		before := len(summaries(t, path))
		time.Sleep(10 * time.Second) // until those of the flood are written
		synctest.Wait()
		flood := summaries(t, path)
		if before != 0 || len(flood) != 1 || flood[0].ClientIP != "192.0.2.1/32" || flood[0].Realm != "corp" || flood[0].Outcome != "unauthenticated" ||
			flood[0].Reason != "wrong-password" || flood[0].Username != "" || !flood[0].Time.Equal(began) {
			t.Fatalf("the flood: %+v", flood)
		}
		single := len(lines(t, path)) - 1
		if single+flood[0].Count != 10_000 {
			t.Errorf("%d lines and a count of %d", single, flood[0].Count)
		}
		for range 3 {
			for _, e := range []broker.Entry{
				refusal("2001:db8::1", "wrong-password"), refusal("2001:db8::2", "wrong-password"), refusal("2001:db8::2", "unknown-user"),
				{Outcome: "unavailable", Reason: "overloaded"},
			} {
				e.Time = time.Now()
				b.Count(e)
			}
			time.Sleep(time.Second)
		}
		if err := b.Close(); err != nil { // which writes them
			t.Fatal(err)
		}
		var got []string
		for _, e := range summaries(t, path)[1:] {
			got = append(got, fmt.Sprint(e.ClientIP, " ", e.Reason, " ", e.Count, " ", e.Until.Sub(e.Time)))
		}
		want := []string{"2001:db8::/64 unknown-user 3 2s", "2001:db8::/64 wrong-password 6 2s"}
		all := summaries(t, path)
		if first := all[0]; first.ClientIP != "" || first.Reason != "overloaded" || first.Count != 3 || first.Outcome != "unavailable" {
			t.Errorf("of no network: %+v", first)
		}
		if !slices.Equal(got[1:], want) {
			t.Errorf("got %q, want %q", got, want)
		}
		_ = log.Close()
	})
}

// TestTimesOutOfOrder counts refusals that come in another order than they began in.
func TestTimesOutOfOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		log := open(t, path, time.Hour)
		b := audit.Bound(log)
		began := time.Now()
		for _, after := range []time.Duration{time.Second, 3 * time.Second, 0, 2 * time.Second} {
			e := refusal("192.0.2.1", "wrong-password")
			e.Time = began.Add(after)
			b.Count(e)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if list := summaries(t, path); len(list) != 1 || list[0].Count != 4 || !list[0].Time.Equal(began) || !list[0].Until.Equal(began.Add(3*time.Second)) {
			t.Errorf("%+v", list)
		}
		_ = log.Close()
	})
}

// TestTooManyKinds counts refusals from a hundred networks: the lines are bounded, and all
// are told of.
func TestTooManyKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "audit.jsonl")
		log := open(t, path, time.Hour)
		b := audit.Bound(log)
		for i := range 200 {
			b.Count(refusal(fmt.Sprintf("192.0.2.%d", i%100), "wrong-password"))
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		list := summaries(t, path)
		if rest := list[0]; len(list) != 33 || rest.ClientIP != "" || rest.Realm != "" || rest.Count != 200-32*2 || rest.Reason != "wrong-password" {
			t.Errorf("%d lines, and of all others %+v", len(list), rest)
		}
		_ = log.Close()
	})
}

// TestCountsAreKept has the file's folder go away when counts are to be written, and come
// back.
func TestCountsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "folder", "audit.jsonl")
		folder := func() {
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		folder()
		log := open(t, path, time.Hour)
		b := audit.Bound(log)
		b.Count(refusal("192.0.2.1", "wrong-password"))
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		if log.Check(t.Context()) == nil {
			t.Error("nobody is told that the log fails")
		}
		b.Count(refusal("192.0.2.1", "wrong-password"))
		folder()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if list := summaries(t, path); len(list) != 1 || list[0].Count != 2 {
			t.Errorf("afterwards: %+v", list)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		_ = log.Close()
	})
}
