package static_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/connectortest"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/static"
)

// quick is a hash at the lowest cost there is.
func quick(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func write(t testing.TB, name, content string) connectors.Path {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return connectors.Path(path)
}

func open(t testing.TB, cfg *static.Config) *static.Directory {
	t.Helper()
	d, err := static.New(cfg, connectors.Deps{Name: "local"}, static.NewBound())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestContract(t *testing.T) {
	users := fmt.Sprintf(`
users:
  - {username: alice, password_hash: %q, groups: [platform, Ops Team]}
  - {username: carol, password_hash: %q, disabled: true}
`, quick(t, "alice-password"), quick(t, "carol-password"))
	htpasswd := "# a comment\n\nAlice:" + quick(t, "alice-password") + "\nbob:" + quick(t, "bob-password") + "\r\n"
	base := connectortest.Fixture{
		Name:          "local",
		Good:          connectortest.Login{Username: "alice", Password: "alice-password"},
		Username:      "alice",
		WrongPassword: "not-her-password",
		Unhandled:     "zoe",
		Spellings:     []string{"Alice", "ALICE", " alice", "alice ", "ａlice", "alice\u00a0", "alice\x00", "al\u0131ce", "alice@", "alice\u200b"},
	}
	for name, tt := range map[string]struct {
		config     *static.Config
		groups     []string
		disabled   connectortest.Login
		disabledID string
	}{
		"users.yaml": {&static.Config{File: write(t, "users.yaml", users)}, []string{"platform", "Ops Team"}, connectortest.Login{Username: "carol", Password: "carol-password"}, "carol"},
		"htpasswd":   {&static.Config{Htpasswd: write(t, "htpasswd", htpasswd)}, nil, connectortest.Login{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := base
			f.Groups, f.Disabled, f.DisabledID = tt.groups, tt.disabled, tt.disabledID
			f.New = func(tb testing.TB) connectors.Connector {
				return guard.Password(open(tb, tt.config), guard.Config{})
			}
			connectortest.Run(t, f)
		})
	}
}

// TestDecoysKeepNobodyWaiting floods the decoys: they give up, and a login is as quick
// as ever.
func TestDecoysKeepNobodyWaiting(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("alice-pw"), 9)
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, &static.Config{File: write(t, "users.yaml", fmt.Sprintf("users: [{username: cheap, password_hash: %q}, {username: alice, password_hash: %q}]", quick(t, "x"), hash))})
	started := time.Now()
	spend := func() error { return d.SpendAsRefusal(t.Context(), connectors.NewSecret("x")) }
	if err := spend(); err != nil {
		t.Fatal(err)
	}
	one := time.Since(started)
	if cheapest := 2 * time.Millisecond; one < cheapest {
		t.Errorf("a decoy takes %s: not the costliest hash", one)
	}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if err := spend(); err != nil && !errors.Is(err, connectors.ErrBusy) { // where the login has the only core
				t.Error(err)
			}
		})
	}
	time.Sleep(10 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if _, err := d.Verify(ctx, connectors.Account{ID: "alice"}, connectors.NewSecret("alice-pw")); err != nil {
		t.Errorf("a login among decoys: %v", err)
	}
	wg.Wait()
	if took := time.Since(started); took > one+10*time.Second {
		t.Errorf("100 decoys took %s: they do not give up", took)
	}
}

// TestWhoWaitsAsDecoyHasNoPlace holds that a request which waits to spend a hash for a name
// that nobody has, or has for one that was refused, gives back its place first.
func TestWhoWaitsAsDecoyHasNoPlace(t *testing.T) {
	bound := static.NewBound()
	users := fmt.Sprintf("users: [{username: alice, password_hash: %q}]", quick(t, "alice-pw"))
	d, err := static.New(&static.Config{File: write(t, "users.yaml", users)}, connectors.Deps{Name: "local"}, bound)
	if err != nil {
		t.Fatal(err)
	}
	wrong := connectors.NewSecret("wrong")
	spend := func(ctx context.Context) { _ = d.SpendAsRefusal(ctx, wrong) }
	verify := func(ctx context.Context) { _, _ = d.Verify(ctx, connectors.Account{ID: "alice"}, wrong) }
	for name, c := range map[string]struct {
		refuse func(context.Context)
		fill   func() (release func())
	}{
		"a name that nobody has":                {spend, bound.FillDecoys},
		"a name that nobody has, for its login": {spend, bound.FillLogins},
		"a wrong password":                      {verify, bound.FillDecoys},
	} {
		t.Run(name, func(t *testing.T) {
			release := c.fill()
			defer release()
			ctx, visit := connectors.Arriving(t.Context())
			places := connectors.NewTurns(1)
			places.Try()
			visit.Has(&places)
			began, done := time.Now(), make(chan time.Duration)
			go func() { c.refuse(ctx); done <- time.Since(began) }()
			var took time.Duration
			for took == 0 && places.Take(t.Context()) != nil {
				select {
				case took = <-done:
					t.Error("while it waits, nobody else gets its place")
				default: // on a busy machine it has hardly begun
				}
			}
			if took == 0 {
				took = <-done
			}
			if took < 600*time.Millisecond {
				t.Errorf("it took %s: it has not waited", took)
			}
		})
	}
}

func TestHash(t *testing.T) {
	for _, a := range []static.Algorithm{static.Argon2id, static.Bcrypt} {
		t.Run(string(a), func(t *testing.T) {
			hash, err := static.Hash(connectors.NewSecret("päss wörd"), a)
			if err != nil {
				t.Fatal(err)
			}
			if a == static.Argon2id { // as dear as it is, bcrypt salts by itself
				again, err := static.Hash(connectors.NewSecret("päss wörd"), a)
				if err != nil || again == hash {
					t.Errorf("two hashes of one password are the same, or %v", err)
				}
			}
			d := open(t, &static.Config{File: write(t, "users.yaml", fmt.Sprintf("users: [{username: a, password_hash: %q}]", hash))})
			for password, want := range map[string]error{"päss wörd": nil, "päss wörd\x00päss wörd": connectors.ErrRejected, "pass word": connectors.ErrRejected} {
				if _, err := d.Verify(t.Context(), connectors.Account{ID: "a"}, connectors.NewSecret(password)); !errors.Is(err, want) {
					t.Errorf("Verify(%q) = %v, want %v", password, err, want)
				}
			}
		})
	}
	for name, tt := range map[string]struct {
		password string
		a        static.Algorithm
		want     string
	}{
		"empty":             {"", static.Argon2id, "the password is empty"},
		"long bcrypt":       {strings.Repeat("x", 73), static.Bcrypt, "bcrypt takes passwords of at most 72 bytes: use argon2id"},
		"unknown algorithm": {"x", "md5", `unknown algorithm "md5": want argon2id or bcrypt`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := static.Hash(connectors.NewSecret(tt.password), tt.a); err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestForeignHashes checks hashes that other programs made.
func TestForeignHashes(t *testing.T) {
	for name, tt := range map[string]struct{ password, hash string }{
		// The test vector of the reference implementation's command line:
		// echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32
		"argon2":   {"password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"},
		"htpasswd": {"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"}, // crypt_blowfish's vector
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, &static.Config{File: write(t, "users.yaml", fmt.Sprintf("users: [{username: a, password_hash: %q}]", tt.hash))})
			if _, err := d.Verify(t.Context(), connectors.Account{ID: "a"}, connectors.NewSecret(tt.password)); err != nil {
				t.Errorf("the right password: %v", err)
			}
			if _, err := d.Verify(t.Context(), connectors.Account{ID: "a"}, connectors.NewSecret(tt.password+"x")); !errors.Is(err, connectors.ErrRejected) {
				t.Errorf("a wrong password: %v", err)
			}
		})
	}
}

func TestBadFiles(t *testing.T) {
	bcryptHash := quick(t, "x")
	tests := []struct {
		name, users, htpasswd string
		want                  []string // after the file's name
	}{
		{name: "every fault at once", users: `users:
  - username: Alice
    password_hash: "` + bcryptHash + `"
  - username: "a b"
    password_hash: plaintext
  - {username: bob, password_hash: "$2b$31$` + bcryptHash[7:] + `"}
  - {username: carl, password_hash: "$2b$10$short"}
  - {username: dora, password_hash: ""}
  - {username: emil, password_hash: "$argon2id$v=19$m=9999999,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"}
  - {username: fred, password_hash: "$argon2id$v=18$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"}
  - {username: gina, password_hash: "` + bcryptHash + `", groups: [""]}
  - {username: hans, pasword_hash: x}
  - {username: srp_` + strings.Repeat("a", 50) + `, password_hash: "` + bcryptHash + `"}
`, want: []string{
			`2:15: user names are lower case: write "alice"`,
			`4:15: "a b" is not a user name: want 1 to 128 of a-z 0-9 . _ @ + -`,
			`5:20: not a bcrypt ($2b$…) or argon2id ($argon2id$…) hash: make one with "shorepass users hash"`,
			`6:36: bcrypt cost 31 is too high: at most 14, or a login takes longer than clients wait`,
			`7:37: not a whole bcrypt hash: it has 60 characters, such as $2b$11$ and 53 more`,
			`8:37: the password hash is empty`,
			`9:37: argon2id costs too much: at most m=131072,t=16,p=16`,
			`10:37: not a whole argon2id hash: want $argon2id$v=19$m=MEMORY,t=TIME,p=LANES$SALT$KEY`,
			`11:110: a group name is empty or has control characters`,
			`12:22: unknown key "pasword_hash"; did you mean "password_hash"?`,
			`13:16: this has the form of an access token, and nobody signs in by such a name`,
		}},
		{name: "missing and repeated", users: `users:
  - groups: [a]
  - username: bob
  - {username: carl, password_hash: "` + bcryptHash + `"}
  - {username: carl, password_hash: "` + bcryptHash + `"}
`, want: []string{
			`2:5: this user has no username`,
			`2:5: this user has no password_hash: make one with "shorepass users hash"`,
			`3:5: this user has no password_hash: make one with "shorepass users hash"`,
			`5:6: user carl is listed twice: first in line 4`,
		}},
		{name: "no users", users: "users: []\n", want: []string{`1:1: lists no users`}},
		{name: "htpasswd", htpasswd: "ok:" + bcryptHash + "\nnocolon\nmd5:$apr1$x$y\nbad name:" + bcryptHash + "\nOK:" + bcryptHash + "\nshort:$2y$05$x\nSRP_" + strings.Repeat("a", 50) + ":" + bcryptHash + "\n", want: []string{
			`2:1: want NAME:HASH, the name 1 to 128 of a-z 0-9 . _ @ + -`,
			`3:1: user md5: not a bcrypt hash: make the line anew with htpasswd -B`,
			`4:1: want NAME:HASH, the name 1 to 128 of a-z 0-9 . _ @ + -`,
			`5:1: user ok is listed twice: first in line 1`,
			`6:1: user short: not a whole bcrypt hash: it has 60 characters, such as $2b$11$ and 53 more`,
			`7:1: this has the form of an access token, and nobody signs in by such a name`,
		}},
		{name: "empty htpasswd", htpasswd: "# nobody\n", want: []string{`1:1: lists no users`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := &static.Config{}
			var file connectors.Path
			if tt.users != "" {
				file = write(t, "users.yaml", tt.users)
				cfg.File = file
			} else {
				file = write(t, "htpasswd", tt.htpasswd)
				cfg.Htpasswd = file
			}
			_, err := static.New(cfg, connectors.Deps{Name: "local"}, static.NewBound())
			if err == nil {
				t.Fatal("no error")
			}
			got := strings.ReplaceAll(err.Error(), string(file)+":", "")
			if want := strings.Join(tt.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if strings.Contains(got, bcryptHash) || strings.Contains(got, "plaintext") {
				t.Error("the error shows a hash")
			}
		})
	}
}

func TestConfigWantsOneFile(t *testing.T) {
	for name, tt := range map[string]struct {
		config static.Config
		want   int
	}{
		"none": {static.Config{}, 1}, "both": {static.Config{File: "a", Htpasswd: "b"}, 1},
		"file": {static.Config{File: "a"}, 0}, "htpasswd": {static.Config{Htpasswd: "b"}, 0},
	} {
		if got := tt.config.Validate(); len(got) != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, err := static.New(&static.Config{File: "/nonexistent/users.yaml"}, connectors.Deps{}, static.NewBound()); err == nil || !strings.Contains(err.Error(), "/nonexistent/users.yaml") {
		t.Errorf("error %v", err)
	}
}

// TestHashesAreBounded takes all places, and expects an outage for who waits in vain: a
// refusal would count as a wrong password.
func TestHashesAreBounded(t *testing.T) {
	bound := static.NewBound()
	users := fmt.Sprintf("users: [{username: alice, password_hash: %q}]", quick(t, "alice-pw"))
	d, err := static.New(&static.Config{File: write(t, "users.yaml", users)}, connectors.Deps{Name: "local"}, bound)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(ctx context.Context) error {
		_, err := d.Verify(ctx, connectors.Account{ID: "alice"}, connectors.NewSecret("alice-pw"))
		return err
	}
	all := bound.FreeLogins()
	release := bound.FillLogins()
	if err := verify(t.Context()); !errors.Is(err, connectors.ErrBusy) || errors.Is(err, connectors.ErrRejected) {
		t.Errorf("error %v, want an outage of too many at once", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := verify(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, connectors.ErrRejected) || !strings.Contains(err.Error(), "too many password hashes at once") {
		t.Errorf("error %v, want an outage of too many hashes", err)
	}
	release()
	if err := verify(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if free := bound.FreeLogins(); free != all {
		t.Errorf("%d places of %d are free afterwards", free, all)
	}
}

// TestRefusalsWaitForTheSameTurns holds that a refusal does not tell whether its name is
// listed where there are no turns: without one of a login it is an outage, without one of a
// decoy it is a refusal, and both after the same time. The right password waits for no decoy.
func TestRefusalsWaitForTheSameTurns(t *testing.T) {
	users := write(t, "users.yaml", fmt.Sprintf("users: [{username: alice, password_hash: %q}]", quick(t, "alice-pw")))
	for name, tt := range map[string]struct {
		fill         func(*static.Bound) (release func())
		wrong, right error
	}{
		"of logins": {(*static.Bound).FillLogins, connectors.ErrBusy, connectors.ErrBusy},
		"of decoys": {(*static.Bound).FillDecoys, connectors.ErrRejected, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bound := static.NewBound()
				d, err := static.New(&static.Config{File: users}, connectors.Deps{Name: "local"}, bound)
				if err != nil {
					t.Fatal(err)
				}
				chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "local", Connector: guard.Password(d, guard.Config{Name: "local"})})
				login := func(name, password string) error {
					ctx, _ := connectors.Arriving(t.Context())
					_, err := chain.Authenticate(ctx, connectors.Credentials{Username: name, Password: connectors.NewSecret(password)})
					return err
				}
				release := tt.fill(bound)
				for _, name := range []string{"alice", "nobody", "not a name"} {
					begun := time.Now()
					err := login(name, "wrong")
					if took := time.Since(begun); !errors.Is(err, tt.wrong) || errors.Is(err, connectors.ErrBusy) && errors.Is(err, connectors.ErrRejected) || took != 600*time.Millisecond {
						t.Errorf("by %s: %v after %s, want %v after 600ms", name, err, took, tt.wrong)
					}
				}
				begun := time.Now()
				if err := login("alice", "alice-pw"); !errors.Is(err, tt.right) || err == nil && time.Since(begun) > 0 {
					t.Errorf("the right password: %v, want %v", err, tt.right)
				}
				release()
				for _, name := range []string{"alice", "nobody"} {
					if err := login(name, "wrong"); !errors.Is(err, connectors.ErrRejected) {
						t.Errorf("afterwards, by %s: %v", name, err)
					}
				}
				if err := login("alice", "alice-pw"); err != nil {
					t.Errorf("the right password afterwards: %v", err)
				}
			})
		})
	}
}

// TestLoadTellsNoNames holds that a login which found no turn for its hash counts for no name,
// be it listed or not, also of a client that has hung up meanwhile: afterwards each has as many
// passwords as before.
func TestLoadTellsNoNames(t *testing.T) {
	users := write(t, "users.yaml", fmt.Sprintf("users: [{username: alice, password_hash: %q}]", quick(t, "alice-pw")))
	for _, name := range []string{"alice", "nobody", "not a name"} {
		for _, patience := range []time.Duration{time.Minute, 300 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s, for %s", name, patience), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					bound := static.NewBound()
					d, err := static.New(&static.Config{File: users}, connectors.Deps{Name: "local"}, bound)
					if err != nil {
						t.Fatal(err)
					}
					settings := guard.Settings{Lockout: guard.LockoutSettings{Budget: 3, Window: time.Hour}}
					chain := connectors.NewChain(connectors.ASCIIUsernames, connectors.Member{Name: "local", Connector: guard.Password(d, guard.Config{Name: "local", Settings: settings})})
					login := func(password string) error {
						ctx, cancel := context.WithTimeout(t.Context(), patience)
						defer cancel()
						ctx, _ = connectors.Arriving(ctx)
						_, err := chain.Authenticate(ctx, connectors.Credentials{Username: name, Password: connectors.NewSecret(password)})
						return err
					}
					release := bound.FillLogins()
					for n := range 5 {
						if err := login(fmt.Sprint("busy-", n)); errors.Is(err, connectors.ErrRejected) {
							t.Errorf("without a turn: %v", err)
						}
						time.Sleep(time.Second) // until the login has ended of who has hung up
					}
					release()
					for n := range 4 {
						err := login(fmt.Sprint("wrong-", n))
						if throttled := (*connectors.Throttled)(nil); errors.As(err, &throttled) != (n == 3) || !errors.Is(err, connectors.ErrRejected) != (n == 3) {
							t.Errorf("afterwards, password %d: %v", n+1, err)
						}
					}
				})
			})
		}
	}
}

func ExampleHash() {
	hash, err := static.Hash(connectors.NewSecret("correct horse"), static.Argon2id)
	fmt.Println(strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$"), err)
	// Output: true <nil>
}

// TestUpstream holds that two connectors of one file have the same accounts.
func TestUpstream(t *testing.T) {
	file := write(t, "users.yaml", fmt.Sprintf("users: [{username: alice, password_hash: %q}]", quick(t, "x")))
	if got := connectors.Upstreamed(open(t, &static.Config{File: file})).Upstream(); got != string(file) {
		t.Errorf("Upstream() = %q, want %q", got, file)
	}
}
