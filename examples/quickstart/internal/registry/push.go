package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Account is who pushes.
type Account struct{ Username, Password string }

// ErrRefused is why a push fails that the broker or the registry does not allow.
var ErrRefused = errors.New("refused")

// Push pushes an image the way any client does: it asks the registry, is sent to
// the broker for a token, and comes back with it. base is the registry's URL. Where
// who may not push there, the error is ErrRefused.
func Push(ctx context.Context, base string, who Account, repository, tag string, image Image) error {
	p := pusher{base: base, repository: repository}
	if err := p.signIn(ctx, who); err != nil {
		return fmt.Errorf("push of %s as %s: %w", repository, who.Username, err)
	}
	for _, blob := range [][]byte{image.layer, image.config} {
		if err := p.upload(ctx, blob); err != nil {
			return fmt.Errorf("push of %s as %s: %w", repository, who.Username, err)
		}
	}
	request := call{
		method: http.MethodPut, url: base + "/v2/" + repository + "/manifests/" + tag,
		body: image.manifest, contentType: v1.MediaTypeImageManifest, want: http.StatusCreated,
	}
	if _, err := p.do(ctx, request); err != nil {
		return fmt.Errorf("push of %s as %s: %w", repository, who.Username, err)
	}
	return nil
}

// pusher pushes to one repository.
type pusher struct{ base, repository, token string }

// signIn follows the registry's challenge to the token endpoint.
func (p *pusher) signIn(ctx context.Context, who Account) error {
	answer, err := p.do(ctx, call{method: http.MethodGet, url: p.base + "/v2/", want: http.StatusUnauthorized})
	if err != nil {
		return err
	}
	challenge := parseChallenge(answer.header.Get("WWW-Authenticate"))
	endpoint, err := url.Parse(challenge["realm"])
	if err != nil || !endpoint.IsAbs() {
		return errors.New("the registry does not say where to get a token")
	}
	endpoint.RawQuery = url.Values{
		"service": {challenge["service"]},
		"scope":   {"repository:" + p.repository + ":pull,push"},
	}.Encode()
	answer, err = p.do(ctx, call{method: http.MethodGet, url: endpoint.String(), as: &who, want: http.StatusOK})
	var unreachable *url.Error
	if errors.As(err, &unreachable) && ctx.Err() == nil {
		return fmt.Errorf("the registry sends its clients to %s, where they get no answer: "+
			"public_url in shorepass.yaml must lead to what listen says: %w", challenge["realm"], unreachable.Err)
	}
	if err != nil {
		return err
	}
	var body struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(answer.body, &body); err != nil || body.Token == "" {
		return errors.New("the broker's answer holds no token")
	}
	p.token = body.Token
	return nil
}

// parseChallenge reads the parameters of a Bearer challenge (RFC 6750 §3), whose
// values this registry always quotes.
func parseChallenge(header string) map[string]string {
	parameters := make(map[string]string)
	for _, part := range strings.Split(strings.TrimPrefix(header, "Bearer "), `",`) {
		name, value, _ := strings.Cut(part, `="`)
		parameters[strings.TrimSpace(name)] = strings.TrimSuffix(value, `"`)
	}
	return parameters
}

// upload sends one blob in one piece.
func (p *pusher) upload(ctx context.Context, blob []byte) error {
	begin := call{method: http.MethodPost, url: p.base + "/v2/" + p.repository + "/blobs/uploads/", want: http.StatusAccepted}
	answer, err := p.do(ctx, begin)
	if err != nil {
		return err
	}
	location, err := url.Parse(answer.header.Get("Location"))
	if err != nil {
		return fmt.Errorf("the registry's answer to an upload: %w", err)
	}
	query := location.Query()
	query.Set("digest", digest.FromBytes(blob).String())
	location.RawQuery = query.Encode()
	_, err = p.do(ctx, call{
		method: http.MethodPut, url: location.String(),
		body: blob, contentType: "application/octet-stream", want: http.StatusCreated,
	})
	return err
}

// call is one HTTP request and the status that it must be answered with.
type call struct {
	method, url string
	body        []byte
	contentType string
	as          *Account // for the token endpoint; the registry is shown the token
	want        int
}

type answer struct {
	header http.Header
	body   []byte
}

func (p *pusher) do(ctx context.Context, c call) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, c.method, c.url, bytes.NewReader(c.body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("User-Agent", "quickstart")
	if c.contentType != "" {
		request.Header.Set("Content-Type", c.contentType)
	}
	switch {
	case c.as != nil:
		request.SetBasicAuth(c.as.Username, c.as.Password)
	case p.token != "":
		request.Header.Set("Authorization", "Bearer "+p.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return answer{}, err
	}
	if response.StatusCode == c.want {
		return answer{response.Header, body}, nil
	}
	err = fmt.Errorf("%s %s: %s: %s", c.method, c.url, response.Status, message(body))
	if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden {
		err = fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return answer{}, err
}

// message is what the body of an error says in words, be it the registry's or the
// broker's (which both write errors as the distribution specification has them).
func message(body []byte) string {
	var answer struct {
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Errors) == 0 {
		return string(bytes.TrimSpace(body))
	}
	return answer.Errors[0].Message
}
