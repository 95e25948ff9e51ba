package ops

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestProfilesFromHereAlone: every sign of another place is refused by itself,
// with an answer that does not tell that there is anything.
func TestProfilesFromHereAlone(t *testing.T) {
	t.Parallel()
	const here = "127.0.0.1:8080"
	for name, test := range map[string]struct {
		local, remote, host string
		header              http.Header
		want                int
	}{
		"here":              {here, "127.0.0.1:40000", "localhost:8080", nil, 200},
		"other_loopback":    {"127.0.0.2:8080", "127.0.0.1:40000", "127.0.0.2:8080", nil, 200},
		"six":               {"[::1]:8080", "[::1]:40000", "[::1]:8080", nil, 200},
		"six_without_port":  {"[::1]:80", "[::1]:40000", "[::1]", nil, 200},
		"mapped":            {"[::ffff:127.0.0.1]:8080", "[::ffff:127.0.0.1]:40000", here, nil, 200},
		"name_in_capitals":  {here, "127.0.0.1:40000", "LOCALHOST", nil, 200},
		"typed_in_browser":  {here, "127.0.0.1:40000", here, http.Header{"Sec-Fetch-Site": {"none"}}, 200},
		"elsewhere":         {"10.0.0.2:8080", "10.0.0.3:40000", "10.0.0.2:8080", nil, 404},
		"own_outer_address": {"10.0.0.2:8080", "10.0.0.2:40000", "localhost:8080", nil, 404},
		"remote_alone":      {"10.0.0.2:8080", "127.0.0.1:40000", "localhost:8080", nil, 404},
		"local_alone":       {here, "10.0.0.3:40000", "localhost:8080", nil, 404},
		"rebinding":         {here, "127.0.0.1:40000", "evil.example:8080", nil, 404},
		"looks_like_it":     {here, "127.0.0.1:40000", "localhost.evil.example", nil, 404},
		"no_host":           {here, "127.0.0.1:40000", "", nil, 404},
		"proxy":             {here, "127.0.0.1:40000", "localhost:8080", http.Header{"X-Forwarded-For": {"10.0.0.3"}}, 404},
		"standard_proxy":    {here, "127.0.0.1:40000", "localhost:8080", http.Header{"Forwarded": {"for=10.0.0.3"}}, 404},
		"other_page":        {here, "127.0.0.1:40000", "localhost:8080", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 404},
		"script":            {here, "127.0.0.1:40000", "localhost:8080", http.Header{"Origin": {"http://evil.example"}}, 404},
		"strange_local":     {"@", "127.0.0.1:40000", "localhost:8080", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/debug/pprof/cmdline", nil)
			r.RemoteAddr, r.Host = test.remote, test.host
			if test.header != nil {
				r.Header = test.header
			}
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, address(test.local)))
			w := httptest.NewRecorder()
			profiles().ServeHTTP(w, r)
			if w.Code != test.want || test.want == 404 && w.Body.String() != "404 page not found\n" {
				t.Errorf("got %d %q", w.Code, w.Body)
			}
		})
	}
}

// address is any network address.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// TestProfiles asks a real server, on the loopback and, where the machine has
// one, on another address of a listener that is open to all.
func TestProfiles(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{Listen: "0.0.0.0:0", Gatherer: prometheus.NewRegistry(), Health: NewHealth(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	_, port, _ := net.SplitHostPort(s.Addr())
	on := &Server{listener: told{s.listener, net.JoinHostPort("127.0.0.1", port)}}
	for path, want := range map[string]string{
		"/debug/pprof/": "goroutine", "/debug/pprof/goroutine?debug=1": "goroutine profile", "/debug/pprof/profile?seconds=1": "", "/debug/pprof/symbol": "num_symbols",
	} {
		if status, body, _ := get(t, on, path, ""); status != 200 || !strings.Contains(body, want) || body == "" {
			t.Errorf("%s: %d %.100q", path, status, body)
		}
	}
	for _, outer := range outerAddresses(t) {
		there := &Server{listener: told{s.listener, net.JoinHostPort(outer, port)}}
		if status, _, _ := get(t, there, "/debug/pprof/", ""); status != 404 {
			t.Errorf("%s: %d", outer, status)
		}
		if status, _, _ := get(t, there, "/livez", ""); status != 200 {
			t.Errorf("%s: the rest answers %d", outer, status)
		}
	}
}

// told is a listener that is asked for under a certain address.
type told struct {
	net.Listener
	at string
}

func (l told) Addr() net.Addr { return address(l.at) }

// outerAddresses are those of the machine that are not of the loopback.
func outerAddresses(t *testing.T) (all []string) {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Skip("the machine does not tell its addresses: ", err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			all = append(all, n.IP.String())
		}
	}
	return all
}

// TestLongProfile: a profile may take longer than a request may take to be
// read.
func TestLongProfile(t *testing.T) {
	t.Parallel()
	done := make(chan error, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(50 * time.Millisecond)) // as the server's limit does
		profiles().ServeHTTP(w, r)
		done <- r.Context().Err()
	}))
	server.Start()
	defer server.Close()
	get(t, &Server{listener: told{server.Listener, server.Listener.Addr().String()}}, "/debug/pprof/trace?seconds=0.3", "")
	if err := <-done; err != nil {
		t.Errorf("cut off: %v", err)
	}
}
