package ops

import (
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// Build says which worker this is.
type Build struct{ Version, Revision, GoVersion string }

// What a Build says where Go knows nothing, as with `go run`.
const (
	UnknownVersion  = "(devel)"
	UnknownRevision = "unknown"
)

// ReadBuild returns the given version, or where it is empty what Go knows of the main module, with the commit it was built
// from where Go knows it.
func ReadBuild(version string) Build {
	b := Build{Version: version, Revision: UnknownRevision, GoVersion: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if b.Version == "" && ok {
		b.Version = info.Main.Version
	}
	if b.Version == "" {
		b.Version = UnknownVersion
	}
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}

// Register adds the gauge imsworker_build_info to reg. It panics if reg has one already.
func (b Build) Register(reg prometheus.Registerer) {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "imsworker_build_info",
		Help:        "Which worker this is; always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.GoVersion},
	})
	info.Set(1)
	reg.MustRegister(info)
}
