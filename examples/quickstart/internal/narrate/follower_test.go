package narrate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/examples/quickstart/internal/narrate"
)

// line is an audit line that is told as "09:00:00  anonymous from IP".
func line(ip string) string {
	return `{"time":"2026-03-01T09:00:00Z","client_ip":"` + ip + `","kind":"anonymous","outcome":"malformed","reason":"x"}` + "\n"
}

func told(ip string) string {
	return "09:00:00  anonymous from " + ip + "\n          answered 400: x\n"
}

func TestFollower(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	write := func(text string, flag int) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	follower := narrate.NewFollower(path, time.UTC, &out)
	expect := func(step, want string) {
		t.Helper()
		if err := follower.Drain(); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		if out.String() != want {
			t.Errorf("%s: got %q, want %q", step, out.String(), want)
		}
		out.Reset()
	}

	expect("no file yet", "")
	write(line("1.1.1.1"), os.O_APPEND)
	expect("a line", told("1.1.1.1"))
	expect("nothing new", "")
	half := line("2.2.2.2")
	write(half[:20], os.O_APPEND)
	expect("half a line", "")
	write(half[20:]+line("3.3.3.3"), os.O_APPEND)
	expect("its other half, and one more", told("2.2.2.2")+told("3.3.3.3"))
	write("\n"+line("4.4.4.4"), os.O_APPEND)
	expect("after an empty line", told("4.4.4.4"))
	write("?\n"+line("5.5.5.5"), os.O_APPEND)
	expect("after a line that cannot be read", "the audit file: invalid character '?' looking for beginning of value\n"+told("5.5.5.5"))
	write(line("6.6.6.6"), os.O_TRUNC)
	expect("a file begun anew", told("6.6.6.6"))

	follower = narrate.NewFollower(path, time.UTC, &out)
	expect("what was there before is not told", "")
}
