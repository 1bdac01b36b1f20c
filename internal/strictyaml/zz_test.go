package strictyaml_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/shorepass/shorepass/connectors"
	"github.com/shorepass/shorepass/internal/strictyaml"
	"github.com/shorepass/shorepass/policy"
)

func TestTry(t *testing.T) {
	type inner struct {
		Name  string        `yaml:"name,required"`
		TTL   time.Duration `yaml:"ttl"`
		Nets  []netip.Prefix
		Flag  bool `yaml:"flag"`
		Count int  `yaml:"count"`
		Texts []policy.Text `yaml:"texts"`
	}
	var v struct {
		Listen string                `yaml:"listen"`
		Nets   []netip.Prefix        `yaml:"nets"`
		Inner  []inner               `yaml:"inner"`
		Ptr    *inner                `yaml:"ptr"`
		M      map[string]inner      `yaml:"m"`
		S      connectors.Secret     `yaml:"bind_password"`
		S2     connectors.Secret     `yaml:"s2"`
		P      connectors.Path       `yaml:"p"`
		O      connectors.OneOrMany  `yaml:"o"`
		N      strictyaml.Node       `yaml:"n"`
	}
	for _, src := range []string{
		"listn: x\nnets: [10.0.0.0/8, x]\ninner:\n- nme: x\n  ttl: 5\n  flag: yes\n  count: 1.5\n- name: 5\n  ttl: 1d12h\n  texts: [a, 5, true, {}]\nptr: {name: '', name: b}\nm:\n  k: {}\ns2: {env: foo}\nbind_password: 1234\no: 5\np:\nn: {x: y}\n",
		"bind_password:hunter2\n", "{bind_password:hunter2}", "bind_password: *hunter2\n", "bind_password: !hunter2\n", "bind_password: @hunter2", "bind_password: 'hunter2", "a: b: c", "a: b\n c: d", "a: [b", "a: b}", "\ta: b", "a:\n\tb: c", "a: b\n---\nc: d\n", "", "# x\n", "%YAML 1.2\n---\na: b", "<<: {a: b}", "- a\n", "x", "? a\n: b\n", "[a]: b", "a: |\n  x\n\ty\n", "a: \"x\\qhunter2\"", "null", "a: b\nfoo\n", "a: b\nfoo\nc: d", "listen: a\n  b: c",
	} {
		err := strictyaml.Decode("f.yaml", []byte(src), &v)
		fmt.Printf("--- %q\n%v\n", src, err)
	}
}
