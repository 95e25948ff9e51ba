// Package messages holds what is said on the wire: the data of each request,
// the data of events, and the CloudEvents envelope around both.
//
// It knows the form of messages and what can be wrong with it, in words for
// the person who sent one. It leaves to others what a request means to the
// cloud (package handlers) and how messages travel (internal/broker).
package messages
