// Command floor is what the broker's speed is compared with: a bare net/http server
// that does only what no broker could leave out. It signs a token with ES256 for every
// request; before that, if told so, it looks a user up in a directory and binds as
// that user, asks a provider for a password grant, verifies the hash of a password, or
// knows an access token by its hash. It may remember logins. It decides nothing, records nothing and checks
// nothing besides. Its timeouts are the broker's, since they cost time.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// authenticate checks the user name and password of a request.
type authenticate func(username, password string) error

func main() {
	var (
		addr     = flag.String("addr", "", "where to serve")
		headroom = flag.Int("headroom", 0, "what the heap may grow by before the garbage collector runs, in MiB")
		hash     = flag.String("hash", "", "the password hash that every request's password is to have")
		dir      directory
		sso      provider
		id       = flag.String("token-id", "", "the public id of the one access token that there is")
		remember = flag.Bool("remember", false, "whether a login that was right counts for two minutes")
		signed   = flag.Int("signed", len("header.claims"), "how long a token is without its signature, in bytes")
		sha      = flag.String("token-sha256", "", "the SHA-256 of its text, in hexadecimal")
	)
	flag.StringVar(&dir.url, "ldap", "", "the directory to look users up in")
	flag.StringVar(&dir.bindDN, "bind-dn", "", "who searches")
	flag.StringVar(&dir.password, "bind-password", "", "with which password")
	flag.StringVar(&dir.people, "people", "", "where the users are")
	flag.StringVar(&dir.groups, "groups", "", "where the groups are")
	flag.IntVar(&dir.groupSearches, "group-searches", 0, "how many searches for groups follow the bind")
	flag.StringVar(&sso.tokenURL, "token-url", "", "the token endpoint of the provider to ask by the password grant")
	flag.StringVar(&sso.clientID, "client-id", "", "as which client")
	flag.StringVar(&sso.clientSecret, "client-secret", "", "with which secret")
	flag.Parse()

	var check authenticate
	switch {
	case dir.url != "":
		dir.open()
		check = dir.authenticate
	case sso.tokenURL != "":
		sso.open()
		check = sso.authenticate
	case *hash != "":
		check = verifier(*hash)
	case *id != "":
		known, err := newTokens(*id, *sha)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		check = known.authenticate
	}
	if *remember {
		check = remembering(check)
	}
	untouched := make([]byte, *headroom<<20) // as the broker has
	fmt.Fprintln(os.Stderr, serve(*addr, check, strings.Repeat("x", *signed)))
	runtime.KeepAlive(untouched)
	os.Exit(1)
}

// serve answers every request with a token: a text and its signature.
func serve(addr string, check authenticate, text string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	server := http.Server{
		Addr: addr,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if check != nil {
				username, password, _ := r.BasicAuth()
				if err := check(username, password); err != nil {
					http.Error(w, err.Error(), http.StatusUnauthorized)
					return
				}
			}
			signature, err := jwt.SigningMethodES256.Sign(text, key)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			fmt.Fprintf(w, `{"token":"%s.%x"}`, text, signature)
		}),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       60 * time.Second,
	}
	return server.ListenAndServe()
}
