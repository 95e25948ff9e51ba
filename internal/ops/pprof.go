package ops

import (
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"
)

// profiles answers /debug/pprof to programs on the same machine (in the same
// pod) alone. Profiles show what the worker does, and making one slows it
// down, while the address may be open to the whole cluster for its metrics.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromHere(r) {
			http.NotFound(w, r)
			return
		}
		// The limit of reading requests would end a profile of half a minute.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		mux.ServeHTTP(w, r)
	})
}

// fromHere reports whether a request was made on this machine: over the
// loopback at both ends, to a name of it, since the page of a stranger may be
// reached under any other (DNS rebinding), and neither by another page nor
// through a proxy, which would lend its own address to anybody.
func fromHere(r *http.Request) bool {
	local, known := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !known || !isLoopback(local.String()) || !isLoopback(r.RemoteAddr) || !namesLoopback(r.Host) {
		return false
	}
	for _, sign := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via", "Origin"} {
		if len(r.Header.Values(sign)) > 0 {
			return false
		}
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "none" || site == "same-origin"
}

// isLoopback reports whether an address with a port is one of the loopback.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// namesLoopback reports whether the host of a request, with or without a port,
// is a name that only this machine can have.
func namesLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
