package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/stack"
)

// useImage builds and starts the broker's image as the Dockerfile's first lines say, and
// waits for its own health check.
func useImage(t *testing.T, d *composeDemo) {
	dir := t.TempDir()
	shell := func(command string) stack.Result {
		env := []string{"DOCKER_HOST=unix://" + d.engine.Socket, "DOCKER_CONFIG=" + dir}
		return stack.RunWithin(t, 3*time.Minute, env, "", "sh", "-c", command)
	}
	ok(t, shell("make -C ../.. image VERSION=v9.8.7 REVISION=0123abc"))
	for command, want := range map[string]string{
		"docker run --rm --network none shorepass version --json":                                        `"version": "v9.8.7",`,
		"docker run --rm --network none shorepass version --json | grep revision":                        `"revision": "0123abc",`,
		"docker inspect --format '{{json .Config.Labels}}' shorepass":                                    `"org.opencontainers.image.version":"v9.8.7"`,
		"docker inspect --format '{{json .Config.Labels}}' shorepass | grep -o 'revision\":\"[0-9a-f]*'": `revision":"0123abc`,
	} {
		if got := ok(t, shell(command)); !strings.Contains(got, want) {
			t.Errorf("%s prints %s, want %s", command, got, want)
		}
	}

	for name, content := range map[string]string{
		"users.yaml": example(t, "small-team/users.yaml"),
		"shorepass.yaml": "listen: 0.0.0.0:5001\nplain_http: true\npublic_url: http://localhost:5001\ndata_dir: /data\n" +
			example(t, "small-team/shorepass.yaml"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil { // the container's user reads it
			t.Fatal(err)
		}
	}
	run := regexp.MustCompile(`(?m)^#   (docker run .* )(-p 5001:5001) (shorepass)$`).FindStringSubmatch(document(t, "Dockerfile"))
	if run == nil {
		t.Fatal("the Dockerfile does not say how to run it")
	}
	// The test's engine has no network in which a port could be published.
	command := strings.Replace(run[1], "docker run ", "docker run --detach --name alone --network none ", 1) + run[3]
	ok(t, shell("cd "+dir+" && "+command))
	health := ""
	for deadline := time.Now().Add(time.Minute); health != "healthy\n" && time.Now().Before(deadline); time.Sleep(time.Second) {
		health = ok(t, shell("docker inspect --format '{{.State.Health.Status}}' alone"))
	}
	if health != "healthy\n" {
		t.Errorf("the container is %s, and has printed\n%s", health, shell("docker logs alone").Text())
	}
	ok(t, shell("docker stop -t 40 alone"))
	if got := ok(t, shell("docker inspect --format '{{.State.ExitCode}}' alone")); got != "0\n" {
		t.Errorf("it ends with %s", got)
	}
	ok(t, shell("docker rm --volumes alone && docker volume rm shorepass"))
}
