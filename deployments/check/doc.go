// Package check holds the tests of what is shipped below deployments: the renderings of the chart against Kubernetes' own
// types, the chart's schema against wrong values, the compose file against compose's own library, and the settings in all of
// them against the worker's configuration.
//
// It is a module of its own, so that none of that becomes a dependency of the worker. What needs helm is left to
// `make check-full`.
package check
