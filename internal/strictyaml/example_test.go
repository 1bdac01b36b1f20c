package strictyaml_test

import (
	"fmt"
	"time"

	"github.com/shorepass/shorepass/internal/strictyaml"
)

func ExampleDecode() {
	cfg := struct {
		Listen  string        `yaml:"listen"`
		Timeout time.Duration `yaml:"timeout"`
		Users   []struct {
			Name string `yaml:"name,required"`
		} `yaml:"users"`
	}{Listen: "localhost:80"}
	err := strictyaml.Decode("server.yaml", []byte(`
lisetn: localhost:443
timeout: 5
users:
  - name: alice
  - {}
`), &cfg)
	fmt.Println(err)
	// Output:
	// server.yaml:2:1: unknown key "lisetn"; did you mean "listen"?
	// server.yaml:3:10: 5 is a duration without a unit: write 5s, 5m, 5h or 5d
	// server.yaml:6:5: the key "name" is missing
}

func ExampleParseDuration() {
	d, err := strictyaml.ParseDuration("1d12h")
	fmt.Println(d, err)
	_, err = strictyaml.ParseDuration("90")
	fmt.Println(err)
	// Output:
	// 36h0m0s <nil>
	// 90 is a duration without a unit: write 90s, 90m, 90h or 90d
}

func ExampleNearest() {
	fmt.Println(strictyaml.Nearest("usernmaes", []string{"name", "usernames", "url"}))
	fmt.Println(strictyaml.Nearest("xyz", []string{"name", "usernames", "url"}))
	// Output:
	// usernames true
	//  false
}
