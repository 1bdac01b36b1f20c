package keycloak

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/shorepass/shorepass/internal/e2e/process"
	"github.com/shorepass/shorepass/internal/freeport"
)

// The administrator of every server.
const (
	admin         = "admin"
	adminPassword = "admin-password"
)

// readyWithin is how long a start may take, on a machine that has much else to do.
const readyWithin = 3 * time.Minute

// Server is a Keycloak.
type Server struct {
	URL string // http://127.0.0.1:PORT

	java       []string // options of the machine that runs it
	install    string   // where it is installed, and never written to
	home       string   // its own files
	management string   // address of its health page
	ports      [2]string
	output     output
	process    *process.Process
	client     *http.Client
}

// Start starts a server with the realms, each in the form of Keycloak's realm exports.
// Its files are below dir. It runs until Stop.
func Start(dir string, realms ...[]byte) (*Server, error) {
	// A compiler that does not try its best has it start sooner.
	return StartWith(dir, []string{"-XX:TieredStopAtLevel=1"}, realms...)
}

// StartWith is Start with other options for Java.
func StartWith(dir string, java []string, realms ...[]byte) (*Server, error) {
	script, err := exec.LookPath("kc.sh")
	if err == nil {
		script, err = filepath.EvalSymlinks(script)
	}
	if err != nil {
		return nil, errors.New(`kc.sh is missing: run "make peers", and the tests through "make e2e"`)
	}
	s := &Server{java: java, install: filepath.Dir(filepath.Dir(script)), home: dir, client: &http.Client{Timeout: 30 * time.Second}}
	if err := s.prepare(realms); err != nil {
		return nil, err
	}
	return s, s.Start()
}

// prepare makes the server's own files and chooses its ports.
func (s *Server) prepare(realms [][]byte) error {
	for _, name := range []string{"lib", "providers", "themes", "conf"} {
		if err := os.Symlink(filepath.Join(s.install, name), filepath.Join(s.home, name)); err != nil {
			return err
		}
	}
	imports := filepath.Join(s.home, "data", "import")
	if err := os.MkdirAll(imports, 0o700); err != nil {
		return err
	}
	for i, realm := range realms {
		if err := os.WriteFile(filepath.Join(imports, strconv.Itoa(i)+".json"), realm, 0o600); err != nil {
			return err
		}
	}
	for i := range s.ports {
		port, _, err := freeport.Hold() // while it is stopped, too
		if err != nil {
			return err
		}
		s.ports[i] = strconv.Itoa(port)
	}
	s.URL, s.management = "http://127.0.0.1:"+s.ports[0], "http://127.0.0.1:"+s.ports[1]
	return nil
}

// Start starts the server again after Stop, at the same address with what it knew, and
// waits until it is ready.
func (s *Server) Start() error {
	var err error
	s.process, err = s.run("start", "--optimized", "--import-realm", "--http-enabled=true", "--http-host=127.0.0.1", "--hostname-strict=false", "--http-port="+s.ports[0])
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(readyWithin); ; time.Sleep(250 * time.Millisecond) {
		switch {
		case s.ready():
			return nil
		case s.process.Ended():
			return fmt.Errorf("keycloak ended before it was ready (%s):\n%s", s.process.State(), s.output.String())
		case time.Now().After(deadline):
			return errors.Join(fmt.Errorf("keycloak is not ready within %s:\n%s", readyWithin, s.output.String()), s.Stop())
		}
	}
}

// run starts a command of Keycloak's.
func (s *Server) run(command string, args ...string) (*process.Process, error) {
	// The script would be a second process, between this one and the server. The
	// options that matter are the script's.
	options := []string{
		"-Xms64m", "-Xmx512m", "-XX:+UseSerialGC",
		"-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
		"-Djava.util.logging.manager=org.jboss.logmanager.LogManager", "-Djava.security.egd=file:/dev/urandom",
		"-Dpicocli.disable.closures=true", "-Dkc.config.built=true", "-Dkc.home.dir=" + s.home, "-Djboss.server.config.dir=" + filepath.Join(s.home, "conf"),
	}
	for _, name := range []string{"java.util", "java.util.concurrent", "java.security", "java.lang"} {
		options = append(options, "--add-opens=java.base/"+name+"=ALL-UNNAMED")
	}
	options = append(append(options, s.java...), "-cp", filepath.Join(s.home, "lib", "quarkus-run.jar"), "io.quarkus.bootstrap.runner.QuarkusEntryPoint", command)
	env := []string{"KC_BOOTSTRAP_ADMIN_USERNAME=" + admin, "KC_BOOTSTRAP_ADMIN_PASSWORD=" + adminPassword, "KC_HTTP_MANAGEMENT_PORT=" + s.ports[1]}
	return process.Start(&s.output, env, "java", append(options, args...)...)
}

func (s *Server) ready() bool {
	response, err := s.client.Get(s.management + "/health/ready")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode == http.StatusOK
}

// Stop ends the process.
func (s *Server) Stop() error {
	s.client.CloseIdleConnections()
	return s.process.Stop(syscall.SIGTERM, 20*time.Second)
}

// Pause stops the process from running, Resume lets it go on: in between it takes
// connections and says nothing.
func (s *Server) Pause() error { return s.process.Pause() }

// Resume ends a Pause.
func (s *Server) Resume() error { return s.process.Signal(syscall.SIGCONT) }

// PID is the id of the process.
func (s *Server) PID() int { return s.process.PID() }

// Issuer is the issuer of a realm.
func (s *Server) Issuer(realm string) string { return s.URL + "/realms/" + realm }

// Log is the end of what the server has printed.
func (s *Server) Log() string { return s.output.String() }

// output keeps the end of what is written to it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends.
func (o *output) Write(p []byte) (int, error) {
	const most = 64 << 10
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.b.Len() > most {
		o.b.Next(o.b.Len() - most/2)
	}
	return o.b.Write(p)
}

// String returns the end of what was written.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.b.String()
	return text[max(0, len(text)-4000):]
}
