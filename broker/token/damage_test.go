package token_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/broker/token"
)

const (
	restoreCA   = ": restore it from a backup; or move it, ca-next-key.pem and leaf-key.pem away: a new CA is made at the next start, and registries of services with trust x5c need its trust bundle"
	restoreLeaf = ": restore it from a backup, or move it away: a new leaf is made then, and registries need no change"
)

// Files of the ring's own that are damaged or do not fit are named, with what to do,
// and left as they are.
func TestDamagedFiles(t *testing.T) {
	const ca, leaf = "ca-key.pem", "leaf-key.pem"
	for _, tc := range []struct {
		name   string
		damage func(t *testing.T, r, other *rig)
		want   string
	}{
		{
			"CA lost",
			func(t *testing.T, r, _ *rig) { remove(t, r.path(ca)) },
			ca + ": missing, while the leaf that it signed is there" + restoreCA,
		},
		{
			"CA empty",
			func(t *testing.T, r, _ *rig) { writeFile(t, r.path(ca)) },
			ca + ": not a PEM file" + restoreCA,
		},
		{
			"CA cut off",
			func(t *testing.T, r, _ *rig) {
				data := readFile(t, r.path(ca))
				writeFile(t, r.path(ca), data[:len(data)-50])
			},
			ca + ": damaged PEM: 1 of its 2 blocks can be read" + restoreCA,
		},
		{
			"CA without key",
			func(t *testing.T, r, _ *rig) { writeFile(t, r.path(ca), blocks(t, r.path(ca))[1]) },
			ca + ": no private key in it" + restoreCA,
		},
		{
			"CA without certificate",
			func(t *testing.T, r, _ *rig) { writeFile(t, r.path(ca), blocks(t, r.path(ca))[0]) },
			ca + ": no certificate in it" + restoreCA,
		},
		{
			"CA with another key",
			func(t *testing.T, r, other *rig) {
				writeFile(t, r.path(ca), blocks(t, other.path(ca))[0], blocks(t, r.path(ca))[1])
			},
			ca + ": the private key and the certificate do not belong together" + restoreCA,
		},
		{
			"CA twice",
			func(t *testing.T, r, _ *rig) {
				writeFile(t, r.path(ca), readFile(t, r.path(ca)), blocks(t, r.path(ca))[1])
			},
			ca + ": the same certificate twice" + restoreCA,
		},
		{
			"two keys",
			func(t *testing.T, r, _ *rig) {
				writeFile(t, r.path(ca), readFile(t, r.path(ca)), blocks(t, r.path(ca))[0])
			},
			ca + ": more than one private key" + restoreCA,
		},
		{
			"leaf in place of CA",
			func(t *testing.T, r, _ *rig) { writeFile(t, r.path(ca), readFile(t, r.path(leaf))) },
			ca + ": the certificate is not a CA's" + restoreCA,
		},
		{
			"leaf empty",
			func(t *testing.T, r, _ *rig) { writeFile(t, r.path(leaf)) },
			leaf + ": not a PEM file" + restoreLeaf,
		},
		{
			"leaf damaged inside",
			func(t *testing.T, r, _ *rig) {
				writeFile(t, r.path(leaf), bytes.Replace(readFile(t, r.path(leaf)), []byte("MI"), []byte("!!"), 1))
			},
			leaf + ": damaged PEM: 1 of its 2 blocks can be read" + restoreLeaf,
		},
		{
			"leaf with another key",
			func(t *testing.T, r, other *rig) {
				writeFile(t, r.path(leaf), blocks(t, other.path(leaf))[0], blocks(t, r.path(leaf))[1])
			},
			leaf + ": the private key and the certificate do not belong together" + restoreLeaf,
		},
		{
			"leaf of another CA",
			func(t *testing.T, r, other *rig) { writeFile(t, r.path(leaf), readFile(t, other.path(leaf))) },
			leaf + ": certificate 1 is not signed by the CA beside it: x509: ECDSA verification failure" + restoreLeaf,
		},
		{
			"retired leaf of another CA",
			func(t *testing.T, r, other *rig) {
				writeFile(t, r.path(leaf), readFile(t, r.path(leaf)), blocks(t, other.path(leaf))[1])
			},
			leaf + ": certificate 2 is not signed by the CA beside it: x509: ECDSA verification failure" + restoreLeaf,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, other := newRig(t), newRig(t)
			r.open(t)
			other.open(t)
			tc.damage(t, r, other)
			before := contents(t, r.config.Dir)
			r.wantError(t, `signing keys of realm "corp": DIR/`+tc.want)
			if after := contents(t, r.config.Dir); after != before {
				t.Errorf("the files changed:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func TestDamagedDER(t *testing.T) {
	r := newRig(t)
	r.open(t)
	writeFile(t, r.path("leaf-key.pem"), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	_, err := token.Open(r.config)
	wantBetween(t, err, `signing keys of realm "corp": `+r.path("leaf-key.pem")+": damaged private key: ", restoreLeaf)

	writeFile(t, r.path("leaf-key.pem"), blocks(t, r.path("ca-key.pem"))[0], []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	_, err = token.Open(r.config)
	wantBetween(t, err, `signing keys of realm "corp": `+r.path("leaf-key.pem")+": damaged certificate: ", restoreLeaf)
}

func TestFolderOfAnotherRealm(t *testing.T) {
	r := newRig(t)
	r.open(t)
	r.config.Realm = "lab"
	_, err := token.Open(r.config)
	wantBetween(t, err, `signing keys of realm "lab": `+r.path("ca-key.pem")+": the CA is of another realm (CN=Shorepass CA ", ",OU=corp,O=Shorepass): realms share no keys"+restoreCA)
}

// A file that cannot be read is no reason to make another.
func TestUnreadableFile(t *testing.T) {
	r := newRig(t)
	r.open(t)
	remove(t, r.path("leaf-key.pem"))
	if err := os.Mkdir(r.path("leaf-key.pem"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.wantError(t, `signing keys of realm "corp": DIR/leaf-key.pem is a directory, not a file`)
}

// A leaf that is lost costs nothing: the CA makes another.
func TestLostLeaf(t *testing.T) {
	r := newRig(t)
	ring := r.open(t)
	bundle := ring.Bundle()
	remove(t, r.path("leaf-key.pem"))
	ring = r.open(t)
	r.wantSigned(t, issue(t, ring, pull()).Raw, bundle, signing(ring).KID)
}

// What a crash leaves behind while files are written does not count.
func TestLeftovers(t *testing.T) {
	for _, left := range []string{"ca-key.pem.new", "leaf-key.pem.new"} {
		t.Run(left, func(t *testing.T) {
			r := newRig(t)
			if err := os.MkdirAll(r.config.Dir, 0o700); err != nil {
				t.Fatal(err)
			}
			writeFile(t, r.path(left), []byte("-----BEGIN PRIV"))
			ring := r.open(t)
			r.wantSigned(t, issue(t, ring, pull()).Raw, ring.Bundle(), signing(ring).KID)
			if _, err := os.Stat(r.path(left)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is still there: %v", left, err)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// contents prints the files of a folder, with the times of their last change.
func contents(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(e.Name() + " " + info.ModTime().Format(time.RFC3339Nano) + "\n")
		out.Write(readFile(t, dir+"/"+e.Name()))
	}
	return out.String()
}

// wantBetween wants an error that starts and ends so.
func wantBetween(t *testing.T, err error, start, end string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if got := err.Error(); !strings.HasPrefix(got, start) || !strings.HasSuffix(got, end) {
		t.Errorf("got  %s\nwant %s…%s", got, start, end)
	}
}
