package demo_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/shorepass/shorepass/examples/quickstart/internal/demo"
)

// listen takes a port of the loopback interface and returns its number.
func listen(t *testing.T, address string) string {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// freePort returns the number of a port that nobody has.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestCheckPorts(t *testing.T) {
	taken, everywhere, free := listen(t, "127.0.0.1:0"), listen(t, ":0"), freePort(t)
	for _, tt := range []struct {
		name, system string
		ports        []demo.Port
		want         string // empty: all free
	}{
		{"free", "linux", []demo.Port{{"localhost:" + free, "the registry"}}, ""},
		{
			"taken, Linux", "linux",
			[]demo.Port{{"localhost:" + free, "the registry"}, {"localhost:" + taken, "the broker"}},
			"port TAKEN is taken by another program, and the broker needs it.\n" +
				"  Find out which program:  ss -ltnp 'sport = :TAKEN'\n" +
				"  Stop it (perhaps the demo is running already), then start the demo again.",
		},
		{
			"taken, macOS", "darwin",
			[]demo.Port{{"localhost:" + taken, "the broker"}},
			"port TAKEN is taken by another program, and the broker needs it.\n" +
				"  Find out which program:  lsof -nP -iTCP:TAKEN -sTCP:LISTEN\n" +
				"  Stop it (perhaps the demo is running already), then start the demo again.",
		},
		{
			"two taken, one of them on all addresses", "linux",
			[]demo.Port{{"localhost:" + taken, "the broker"}, {"localhost:" + everywhere, "the registry"}},
			"port TAKEN is taken by another program, and the broker needs it.\n" +
				"  Find out which program:  ss -ltnp 'sport = :TAKEN'\n" +
				"  Stop it (perhaps the demo is running already), then start the demo again.\n\n" +
				"port EVERYWHERE is taken by another program, and the registry needs it.\n" +
				"  Find out which program:  ss -ltnp 'sport = :EVERYWHERE'\n" +
				"  Stop it (perhaps the demo is running already), then start the demo again.",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := demo.CheckPorts(context.Background(), tt.ports, tt.system); err != nil {
				got = err.Error()
			}
			if want := strings.NewReplacer("TAKEN", taken, "EVERYWHERE", everywhere).Replace(tt.want); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestAirPlayIsNamed(t *testing.T) {
	// Where this fails somebody else has the port, which is as good.
	if listener, err := net.Listen("tcp", "localhost:5000"); err == nil {
		t.Cleanup(func() { _ = listener.Close() })
	}
	err := demo.CheckPorts(context.Background(), []demo.Port{{"localhost:5000", "the registry"}}, "darwin")
	want := "\n  On macOS this is often AirPlay Receiver: switch it off in System Settings,\n  General, AirDrop & Handoff."
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}
