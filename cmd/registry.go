package cmd

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/shorepass/shorepass/broker/server"
	"github.com/shorepass/shorepass/broker/token"
)

// The names of the files that registries trust.
const (
	bundleName = "shorepass-ca.pem"
	jwksName   = "shorepass-jwks.json"
	certName   = "shorepass-key.pem"
	zotName    = "zot.json"
)

// registryKind is a kind of registry, and how it is told what to trust.
type registryKind struct {
	trust   string // the trust of services that it is for
	flag    string // the flag with the path of what it trusts
	key     string // the key of its configuration that has that path
	file    string // what the file is called
	content string // what is in it, by the names of [server.File]
	mark    string // what such a file has in it
	what    string // what that is, for messages
	path    string // where it may be fetched, below the realm; empty: nowhere
	image   string
	zot     bool
}

// registryKinds are the kinds, by what --for calls them.
func registryKinds() map[string]registryKind {
	bundle := registryKind{
		trust: "x5c", flag: "bundle", key: "rootcertbundle", file: bundleName, content: server.FileBundle,
		mark: "-----BEGIN CERTIFICATE-----", what: "certificates", path: "ca.pem",
	}
	v2, v3 := bundle, bundle
	v2.image, v3.image = "registry:2", "registry:3"
	return map[string]registryKind{
		"v2": v2,
		"v3": v3,
		"v3-jwks": {
			trust: "jwks", flag: "jwks", key: "jwks", file: jwksName, content: server.FileJWKS,
			mark: `{"keys":`, what: "JWKS", path: "keys", image: "registry:3",
		},
		"zot": {
			trust: "jwks", flag: "cert", key: "cert", file: certName, content: server.FileCertificate,
			mark: "-----BEGIN CERTIFICATE-----", what: "certificate", zot: true,
		},
	}
}

// registry is what a registry is told.
type registry struct {
	kind                   registryKind
	Realm, Service, Issuer string
	Path                   string // where it finds what it trusts
	Origin                 string // the file that was written for it
	Fetch                  string // or the URL where it may be had
}

// setting is one key of a registry's token section.
type setting struct {
	Key   string
	Value any // a string or []string
}

// settings are the token section, in order.
func (r registry) settings() []setting {
	s := []setting{{"realm", r.Realm}, {"service", r.Service}}
	if r.kind.zot {
		return append(s, setting{r.kind.key, r.Path})
	}
	s = append(s, setting{"issuer", r.Issuer}, setting{r.kind.key, r.Path})
	if r.kind.image == "registry:3" {
		// It takes HMAC too unless told otherwise. All of ours are listed, so that a change of
		// signing.algorithm needs no change here.
		s = append(s, setting{"signingalgorithms", token.Algorithms()})
	}
	return s
}

// document is the configuration as JSON.
func (r registry) document() map[string]any {
	section := map[string]any{}
	for _, s := range r.settings() {
		section[s.Key] = s.Value
	}
	if r.kind.zot {
		return map[string]any{"http": map[string]any{"auth": map[string]any{"bearer": section}}}
	}
	return map[string]any{"auth": map[string]any{"token": section}}
}

// print writes the configuration in a format: yaml, env or compose.
func (r registry) print(format string) (string, error) {
	text := map[string]string{"yaml": yamlForm, "env": envForm, "compose": composeForm}[format]
	if r.kind.zot {
		text = map[string]string{"yaml": zotForm, "compose": zotComposeForm}[format]
	}
	t, err := template.New("registry").Funcs(template.FuncMap{
		"quote": quoteYAML, "dollars": dollars, "env": envValue, "list": isList, "join": joinList, "upper": strings.ToUpper,
	}).Parse(text)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = t.Execute(&out, map[string]any{"R": r, "Settings": r.settings(), "Key": r.kind.key, "File": r.kind.file, "Image": r.kind.image})
	return out.String(), err
}

// origin says where the file comes from, in a comment.
const origin = `{{if .R.Origin}}it was written to
# {{.R.Origin}}{{else if .R.Fetch}}fetch it from
# {{.R.Fetch}}{{else}}have it written
# with --out{{end}}
`

// The forms. Those of the CNCF registry have the same settings.
const (
	yamlForm = `# The auth section of the registry's configuration. The registry reads
# {{.Key}} once, at its start: ` + origin + `auth:
  token:
{{- range .Settings}}
{{- if list .Value}}
    {{.Key}}:
{{- range .Value}}
      - {{.}}
{{- end}}
{{- else}}
    {{.Key}}: {{quote .Value}}
{{- end}}
{{- end}}
`
	envForm = `# Environment variables of the registry, for docker run --env-file. The registry reads
# {{.R.Path}} once, at its start: ` + origin + `{{if eq .Image "registry:3"}}OTEL_TRACES_EXPORTER=none
{{end}}REGISTRY_AUTH=token
{{- range .Settings}}
REGISTRY_AUTH_TOKEN_{{upper .Key}}={{if list .Value}}[{{join .Value}}]{{else}}{{env .Value}}{{end}}
{{- end}}
`
	composeForm = `# A registry for docker compose, which reads ./{{.File}} once, at its start: ` + origin + `services:
  registry:
    image: {{.Image}}
    restart: unless-stopped
    ports: ["5000:5000"]
    environment:
{{- if eq .Image "registry:3"}}
      OTEL_TRACES_EXPORTER: none
{{- end}}
      REGISTRY_AUTH: token
{{- range .Settings}}
      REGISTRY_AUTH_TOKEN_{{upper .Key}}: {{if list .Value}}'[{{join .Value}}]'{{else}}{{quote (dollars (env .Value))}}{{end}}
{{- end}}
    volumes:
      - {{quote (dollars (print "./" .File ":" .R.Path ":ro"))}}
      - images:/var/lib/registry
volumes:
  images:
`
	zotForm = `# What zot's configuration needs; its file may be YAML or JSON. It reads
# {{.Key}} once, at its start: ` + origin + `http:
  auth:
    bearer:
{{- range .Settings}}
      {{.Key}}: {{quote .Value}}
{{- end}}
`
)

// zotComposeForm runs zot's image, which looks for its configuration at that place.
const zotComposeForm = `# zot for docker compose. It reads ./` + zotName + ` and ./{{.File}} once, at its start.
services:
  zot:
    image: ghcr.io/project-zot/zot:latest
    restart: unless-stopped
    ports: ["5000:5000"]
    volumes:
      - ./` + zotName + `:/etc/zot/config.json:ro
      - {{quote (dollars (print "./" .File ":" .R.Path ":ro"))}}
      - images:/var/lib/registry
volumes:
  images:
`

// zotConfig is a whole configuration of zot, for its image.
func (r registry) zotConfig() (string, error) {
	config := r.document()
	config["distSpecVersion"] = "1.1.0"
	config["storage"] = map[string]any{"rootDirectory": "/var/lib/registry"}
	if http, ok := config["http"].(map[string]any); ok {
		http["address"], http["port"] = "0.0.0.0", "5000"
	}
	text, err := json.MarshalIndent(config, "", "  ")
	return string(text) + "\n", err
}

// fileName is what the configuration in a format is called.
func (r registry) fileName(format string) string {
	if r.kind.zot && format == "yaml" {
		return "zot.yaml"
	}
	return map[string]string{"yaml": "auth.yml", "env": "registry.env", "compose": "docker-compose.yml"}[format]
}

// use says what to do with the configuration in a format.
func (r registry) use(format string) string {
	switch {
	case r.kind.zot && format == "yaml":
		return "for zot's configuration file"
	case format == "env":
		return "for docker run --env-file"
	case format == "compose":
		return "for docker compose up"
	}
	return "for the registry's configuration file, in place of its auth section"
}

func isList(v any) bool {
	_, ok := v.([]string)
	return ok
}

func joinList(v []string) string { return strings.Join(v, ",") }

// quoteYAML writes a string so that no YAML parser takes it for anything else.
func quoteYAML(s string) string {
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// dollars keeps docker compose from taking a dollar sign for a variable.
func dollars(s string) string { return strings.ReplaceAll(s, "$", "$$") }

// plain matches what needs no quotes in YAML.
var plain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9./_:-]*[A-Za-z0-9/_-]$`)

// envValue writes a string for an environment variable, which the registry reads as YAML.
func envValue(s string) string {
	words := []string{"true", "false", "yes", "no", "on", "off", "null"}
	if plain.MatchString(s) && !slices.Contains(words, strings.ToLower(s)) {
		return s
	}
	return quoteYAML(s)
}
