package webhook_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/connectors/guard"
	"github.com/shorepass/shorepass/connectors/webhook"
)

func ExampleOpen() {
	// The least that an endpoint does, but for looking at the signature.
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"result":"identity","id":"p-1001","username":"alice","groups":["platform"]}`)
	}))
	defer endpoint.Close()

	cfg := webhook.DefaultConfig()
	cfg.URL = endpoint.URL
	cfg.Secret = connectors.NewSecret("whsec_c2hvcmVwYXNzIHNob3JlcGFzcyBzaG9yZXBhc3Mh")
	d, err := webhook.Open(cfg, connectors.Deps{Realm: "corp", Name: "people"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = d.(io.Closer).Close() }()

	connector := guard.Password(d, guard.Config{})
	who, err := connector.Authenticate(context.Background(), connectors.Credentials{Username: "Alice", Password: connectors.NewSecret("her password")})
	fmt.Println(who.Username, who.ID, who.Groups, err)
	// Output: alice p-1001 [platform] <nil>
}
