package e2e_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/rogpeppe/go-internal/txtar"
)

// description is an OpenAPI document that exchanges are compared with.
type description struct {
	content   []byte
	validator validator.Validator
	document  []string // every operation and its statuses, "GET /tokens 200"

	mu   sync.Mutex
	seen []string // likewise
}

// readDescription reads the description of the API for people, which must be a right one.
func readDescription(t *testing.T) *description {
	t.Helper()
	content, err := os.ReadFile("../../broker/server/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// Where the API is, it says relative to where the document is.
	const from, to = "servers:\n  - url: .\n", "servers:\n  - url: /api/v1\n"
	if !bytes.Contains(content, []byte(from)) {
		t.Fatalf("it does not say %q", from)
	}
	content = bytes.Replace(content, []byte(from), []byte(to), 1)
	document, err := libopenapi.NewDocument(content)
	if err != nil {
		t.Fatal(err)
	}
	d := &description{content: content}
	var errs []error
	if d.validator, errs = validator.NewValidator(document, config.WithFormatAssertions(), config.WithStrictMode(),
		config.WithStrictIgnoredHeadersExtra("X-Content-Type-Options")); len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, problems := d.validator.ValidateDocument(); !ok {
		t.Fatal(problems)
	}
	model, err := document.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for status := range operation.Responses.Codes.FromOldest() {
				d.document = append(d.document, strings.ToUpper(method)+" "+path+" "+status)
			}
		}
	}
	return d
}

// check compares an answer with the document, and a request that was not refused.
func (d *description) check(t *testing.T, request *http.Request, response *http.Response) {
	t.Helper()
	if ok, problems := d.validator.ValidateHttpResponse(request, response); !ok {
		for _, p := range problems {
			t.Errorf("%s %s: %s: %s: %s %v", request.Method, request.URL, response.Status, p.Message, p.Reason, p.SchemaValidationErrors)
		}
	}
	if response.StatusCode < 400 {
		if ok, problems := d.validator.ValidateHttpRequest(request); !ok {
			t.Errorf("%s %s: %v", request.Method, request.URL, problems)
		}
	}
	path := strings.TrimPrefix(request.URL.Path, "/api/v1")
	if id, ok := strings.CutPrefix(path, "/tokens/"); ok && id != "" {
		path = "/tokens/{id}"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, request.Method+" "+path+" "+response.Status[:3])
}

// TestDescriptionOfTheAPI holds that the API answers as it is described, and that all of
// the description is true: the answers are those that the tests of package server hold to
// the byte.
func TestDescriptionOfTheAPI(t *testing.T) {
	d := readDescription(t)
	names, err := filepath.Glob("../../broker/server/testdata/api/*.txtar")
	if err != nil || len(names) < 100 {
		t.Fatalf("%d exchanges, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			request, response := readExchange(t, name)
			inDocument := request.Method != http.MethodOptions && request.Method != http.MethodHead && response.StatusCode != http.StatusMethodNotAllowed
			if inDocument && strings.HasPrefix(request.URL.Path, "/api/v1/") {
				d.check(t, request, response)
			}
		})
	}
	slices.Sort(d.document)
	slices.Sort(d.seen)
	if d.seen = slices.Compact(d.seen); !slices.Equal(d.document, d.seen) {
		t.Errorf("described are\n%s\nseen were\n%s", strings.Join(d.document, "\n"), strings.Join(d.seen, "\n"))
	}
}

// TestDescriptionTellsFaults holds that the comparison finds what is not described.
func TestDescriptionTellsFaults(t *testing.T) {
	d := readDescription(t)
	const file = "../../broker/server/testdata/api/list.txtar"
	for name, edit := range map[string][2]string{
		"another status":       {"200 OK", "202 Accepted"},
		"another media type":   {"Content-Type: application/json", "Content-Type: text/html"},
		"a field less":         {`"created_by":"local:alice",`, ``},
		"a field more":         {`"created_by":"local:alice",`, `"created_by":"local:alice","hash":"x",`},
		"a field of no time":   {`"created":"2026-03-01T`, `"created":"2026-03-01 `},
		"an id of no token":    {`"id":"token0000001"`, `"id":"token"`},
		"a status of no token": {`"status":"live"`, `"status":"lively"`},
		"a header less":        {"X-Request-Id", "X-Another-Id"},
		"another cache":        {"no-store", "private"},
	} {
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil || !bytes.Contains(content, []byte(edit[0])) {
				t.Fatalf("%q is not there, %v", edit[0], err)
			}
			edited := filepath.Join(t.TempDir(), "list.txtar")
			content = bytes.Replace(bytes.Replace(content, []byte("Content-Length"), []byte("X-Content-Length"), 1), []byte(edit[0]), []byte(edit[1]), 1)
			if err := os.WriteFile(edited, content, 0o600); err != nil {
				t.Fatal(err)
			}
			request, response := readExchange(t, edited)
			if ok, _ := d.validator.ValidateHttpResponse(request, response); ok {
				t.Error("nothing was found")
			}
		})
	}
}

// readExchange reads a request and its answer.
func readExchange(t *testing.T, name string) (*http.Request, *http.Response) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil || len(archive.Files) != 2 {
		t.Fatal(err)
	}
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(archive.Files[0].Data)))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(archive.Files[1].Data)), request)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(request.URL.Path, ".yaml") { // the document is left out there
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		response.Body = io.NopCloser(bytes.NewReader(body))
	}
	return request, response
}
