package policy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/shorepass/shorepass/policy"
)

// text makes texts of a document, which a configuration loader gives places too.
func exampleTexts(values ...string) []policy.Text {
	var list []policy.Text
	for _, v := range values {
		list = append(list, policy.Text{Value: v})
	}
	return list
}

// exampleDocument is two rules, for a directory and one registry.
func exampleDocument() policy.Document {
	return policy.Document{
		Rules: []policy.Rule{
			{
				Name:         policy.Text{Value: "team spaces"},
				Groups:       exampleTexts("directory:team-*"),
				Repositories: exampleTexts("{*}/**"),
				Allow:        exampleTexts("pull", "push"),
			},
			{
				Name:         policy.Text{Value: "release freeze"},
				Groups:       exampleTexts("directory:contractors"),
				Repositories: exampleTexts("*/release/**"),
				Deny:         exampleTexts("push", "delete"),
			},
		},
		Connectors: []policy.Connector{{Name: "directory", GroupForm: strings.ToLower}},
		Services:   []string{"registry.example"},
	}
}

// examplePolicy compiles the two rules.
func examplePolicy() *policy.Policy {
	p, err := policy.Compile(exampleDocument())
	if err != nil {
		panic(err)
	}
	return p
}

// exampleSubject is a member of a team, hired for a while.
func exampleSubject() policy.Subject {
	return policy.Subject{
		User:    "directory:alice",
		Groups:  []string{"directory:team-web", "directory:contractors"},
		Service: "registry.example",
		Ceiling: policy.Unlimited(),
	}
}

func ExampleParseScope() {
	s, err := policy.ParseScope("repository:registry.example:5000/web/shop:pull,push")
	fmt.Println(s.Type, s.Name, s.Actions, err)

	_, err = policy.ParseScope("repository:Web/Shop:pull")
	fmt.Println(err)
	// Output:
	// repository registry.example:5000/web/shop [pull push] <nil>
	// scope "repository:Web/Shop:pull": no repository has a path segment "Web"
}

func ExampleCompile() {
	doc := exampleDocument()
	doc.Rules[1].Groups[0] = policy.Text{Value: "dirctory:contractors", At: policy.Position{File: "policy.yaml", Line: 7, Column: 14}}
	doc.Rules[1].Deny[0] = policy.Text{Value: "psuh", At: policy.Position{File: "policy.yaml", Line: 9, Column: 12}}
	_, err := policy.Compile(doc)
	fmt.Println(err)
	// Output:
	// policy.yaml:7:14: groups: unknown connector "dirctory" in "dirctory:contractors": did you mean "directory"?
	// policy.yaml:9:12: unknown action "psuh": did you mean "push"?
}

func ExamplePolicy_Decide() {
	shop, _ := policy.ParseScope("repository:web/release/shop:pull,push")
	d := examplePolicy().Decide(exampleSubject(), []policy.Scope{shop})
	for _, o := range d.Outcomes {
		fmt.Println(o.Action, o.Granted, o.Reason, o.Rule)
	}
	fmt.Println(d.Access)
	// Output:
	// pull true allowed team spaces
	// push false denied release freeze
	// [{repository web/release/shop [pull]}]
}

func ExamplePolicy_AllowsAnonymous() {
	fmt.Println(examplePolicy().AllowsAnonymous())
	// Output: false
}

func ExampleParseCeiling() {
	ceiling, err := policy.ParseCeiling([]string{"repository:web/**:pull"})
	if err != nil {
		fmt.Println(err)
	}
	subject := exampleSubject()
	subject.Ceiling = ceiling
	shop, _ := policy.ParseScope("repository:web/shop:pull,push")
	for _, o := range examplePolicy().Decide(subject, []policy.Scope{shop}).Outcomes {
		fmt.Println(o.Action, o.Granted, o.Reason)
	}
	// Output:
	// pull true allowed
	// push false ceiling
}

func ExampleUnlimited() {
	shop, _ := policy.ParseScope("repository:web/shop:pull")
	for _, ceiling := range []policy.Ceiling{{}, policy.Unlimited()} {
		subject := exampleSubject()
		subject.Ceiling = ceiling
		fmt.Println(examplePolicy().Decide(subject, []policy.Scope{shop}).Access)
	}
	// Output:
	// []
	// [{repository web/shop [pull]}]
}

func ExampleLint() {
	doc := exampleDocument()
	doc.Rules[0].Allow = exampleTexts("push")
	p, err := policy.Compile(doc)
	if err != nil {
		fmt.Println(err)
	}
	for _, f := range policy.Lint(p) {
		fmt.Printf("rule %q: %s\n", f.Rule, f.Message)
	}
	// Output: rule "team spaces": push is allowed without pull, which a push needs too: add pull
}

func ExampleExplain() {
	shop, _ := policy.ParseScope("repository:web/shop:pull,delete")
	subject := exampleSubject()
	out, _ := json.MarshalIndent(policy.Explain(subject, examplePolicy().Decide(subject, []policy.Scope{shop})).Decisions, "", "  ")
	fmt.Println(string(out))
	// Output:
	// [
	//   {
	//     "scope": "repository:web/shop",
	//     "action": "delete",
	//     "granted": false,
	//     "reason": "no-rule",
	//     "rule": null
	//   },
	//   {
	//     "scope": "repository:web/shop",
	//     "action": "pull",
	//     "granted": true,
	//     "reason": "allowed",
	//     "rule": "team spaces"
	//   }
	// ]
}

func ExampleExplanation_WriteText() {
	shop, _ := policy.ParseScope("repository:web/release/shop:pull,push")
	subject := exampleSubject()
	d := examplePolicy().Decide(subject, []policy.Scope{shop})
	if err := policy.Explain(subject, d).WriteText(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// who      directory:alice
	// groups   directory:team-web, directory:contractors
	// service  registry.example
	// from     not known
	//
	// granted  repository:web/release/shop  pull  allowed by rule "team spaces"
	// refused  repository:web/release/shop  push  denied by rule "release freeze"
}
