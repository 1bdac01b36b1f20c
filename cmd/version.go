package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/spf13/cobra"
)

// versionInfo is what "version --json" prints.
type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
}

// What the builder of an image says that the program was built from: the Go tool has no
// history to read there. The linker sets them (-X), and nothing else does.
var builtVersion, builtRevision string //nolint:gochecknoglobals // the linker knows no other kind

func newVersion(p *program) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "version",
		Short: "Print what this program was built from",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := version()
			if asJSON {
				return p.printJSON(v)
			}
			_, err := fmt.Fprintf(p.Out, "shorepass %s %s\n", v.Version, v.Go)
			return err
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// version reads what the Go tool noted in the binary, or what its builder says.
func version() versionInfo {
	v := versionInfo{Version: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	if builtVersion != "" {
		v.Version = builtVersion
	}
	if builtRevision != "" {
		v.Revision = builtRevision
	}
	return v
}

// printJSON writes v for other programs.
func (p *program) printJSON(v any) error { return writeJSON(p.Out, v) }

// writeJSON writes v to w for other programs.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, jsonEscaped(b.String()))
	return err
}

// jsonEscaped writes as escapes what of JSON a terminal would obey or hide: package json does
// so with the first 32 characters alone. All of it stands in strings.
func jsonEscaped(content string) string {
	var b strings.Builder
	for _, r := range content {
		if r == '\n' || unicode.IsGraphic(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}
