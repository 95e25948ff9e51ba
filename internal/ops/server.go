// Package ops is what the people who run the worker see of it: metrics, health, a start page, logs. It serves what others
// measure and judge; it measures and judges nothing itself, but for the garbage that the process lets gather.
package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// stopTime is how long requests that are being answered may take once the server stops.
const stopTime = 2 * time.Second

// Server answers /metrics, /livez, /readyz, / and, to this machine alone,
// /debug/pprof.
type Server struct {
	http     *http.Server
	listener net.Listener
	done     chan error
}

// Options says what a Server serves.
type Options struct {
	// Listen is host:port; port 0 takes a free one, which Addr then tells.
	Listen   string
	Gatherer prometheus.Gatherer
	Health   *Health
	Build    Build
	Log      *slog.Logger
}

// Start listens and serves in a goroutine of its own until Stop. An address that is taken is an error that says so.
func Start(ctx context.Context, o Options) (*Server, error) {
	return Serve(ctx, "IMSWORKER_HTTP_LISTEN", o.Listen, handler(o), o.Log)
}

// Serve is Start with another handler; the variable is the one that names the address.
func Serve(ctx context.Context, variable, address string, h http.Handler, log *slog.Logger) (*Server, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen on %s: another program uses this address: stop it, or set %s to another one: %w", address, variable, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s (%s): %w", address, variable, err)
	}
	s := &Server{listener: listener, done: make(chan error, 1), http: &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}
	go func() { s.done <- s.http.Serve(listener) }()
	return s, nil
}

// Addr is the address on which the server really listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Stop ends the server, lets answers that are under way finish for up to two seconds, and waits for its goroutine. It must be
// called once.
func (s *Server) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{
		EnableOpenMetrics: true,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelError),
		ErrorHandling:     promhttp.ContinueOnError,
	}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "alive\n") })
	mux.HandleFunc("GET /readyz", o.Health.serve)
	mux.HandleFunc("GET /{$}", startPage(o))
	mux.Handle("/debug/pprof/", profiles())
	return mux
}

// serve lists the conditions, those that do not hold first: they are what a person looks for. Notes decide nothing.
func (h *Health) serve(w http.ResponseWriter, _ *http.Request) {
	holding, missing := h.Conditions()
	var b strings.Builder
	status, word := http.StatusOK, "ready\n"
	if len(missing) > 0 {
		status, word = http.StatusServiceUnavailable, "not ready\n"
	}
	b.WriteString(word)
	for _, name := range missing {
		fmt.Fprintf(&b, "[-] %s\n", name)
	}
	for _, name := range holding {
		fmt.Fprintf(&b, "[+] %s\n", name)
	}
	for _, note := range h.Notes() {
		fmt.Fprintf(&b, "[!] %s\n", note)
	}
	text(w, status, b.String())
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the reader may be gone; nobody else wants to know
}
