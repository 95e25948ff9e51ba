// Package promtest puts real scrapes of the worker into a storage of Prometheus
// and asks it, so that what alerts and dashboards say can be tried on what the
// worker really shows, at virtual times. The programs are Debian's, as `make
// tools` unpacks them; the variable PROMETHEUS_TOOLS names their directory. It
// is for tests alone, and knows nothing of the worker but that its metrics begin
// with imsworker_, and those of its process with process_.
package promtest
