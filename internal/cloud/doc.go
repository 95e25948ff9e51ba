// Package cloud reads clouds.yaml: which accounts there are, how to reach them
// and what the worker may do with each.
//
// The file has the form of the OpenStack tools, whose keys are accepted;
// everything under "imsworker:" is the worker's own and strict. All mistakes
// are reported at once, each with file, line and key, and none with a secret.
// The package calls no cloud: a Cloud holds the configuration of a client.
package cloud
