package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
)

// Check is one thing without which the process cannot do its work.
type Check struct {
	Name string
	Run  func(ctx context.Context) error
}

// Monitor answers whether the process lives and whether it is ready. It tells no
// secrets and changes nothing.
type Monitor struct {
	checks   []Check
	draining atomic.Bool
}

// NewMonitor returns a monitor of the checks. A directory that is down is none of
// them: what does not need it goes on.
func NewMonitor(checks ...Check) *Monitor { return &Monitor{checks: checks} }

// Drain makes the process not ready, so that a load balancer sends nothing more.
func (m *Monitor) Drain() { m.draining.Store(true) }

// monitorTimeout is how long a request may take to arrive: it is a line.
const monitorTimeout = 2 * time.Second

// MonitorHTTP returns a server of the monitor, over plain HTTP.
func MonitorHTTP(m *Monitor, logger *slog.Logger) *http.Server {
	s := HTTP(m.Handler(), nil, logger)
	s.ReadHeaderTimeout, s.ReadTimeout = monitorTimeout, monitorTimeout
	return s
}

// Handler serves /livez and /readyz.
func (m *Monitor) Handler() http.Handler {
	r := mux.NewRouter().SkipClean(true)
	route(r, "/livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok\n") }, http.MethodGet, http.MethodHead)
	route(r, "/readyz", m.ready, http.MethodGet, http.MethodHead)
	r.NotFoundHandler = http.HandlerFunc(notFound)
	return r
}

func (m *Monitor) ready(w http.ResponseWriter, r *http.Request) {
	if m.draining.Load() {
		say(w, http.StatusServiceUnavailable, "draining\n")
		return
	}
	for _, c := range m.checks {
		if err := c.Run(r.Context()); err != nil {
			say(w, http.StatusServiceUnavailable, c.Name+" failed\n")
			return
		}
	}
	say(w, http.StatusOK, "ok\n")
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
