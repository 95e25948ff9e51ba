package messages

import (
	"strconv"
	"strings"
)

// RequestSubject is where a request for an operation on a cloud is published.
func RequestSubject(cloud, operation string) string {
	return "ims.request." + cloud + "." + operation
}

// RequestType is the CloudEvents type of a request for the operation.
func RequestType(operation string) string {
	return "io.imsworker.request." + operation + ".v1"
}

// EventType is the CloudEvents type of an event that tells the state.
func EventType(s State) string {
	return "io.imsworker.event." + string(s) + ".v1"
}

// EventSource is the CloudEvents source of all events about a cloud.
func EventSource(cloud string) string { return "/imsworker/" + cloud }

// EventSubject is where the event of one state of one attempt is published.
func EventSubject(cloud, operation string, s State, key string, attempt int) string {
	return strings.Join([]string{
		"ims.event", cloud, operation, s.Class(), string(s), key, strconv.Itoa(attempt),
	}, ".")
}

// BatchLegsSubject is where a page of the legs of a bulk's attempt is
// published, counted from 0.
func BatchLegsSubject(cloud, operation, key string, attempt, page int) string {
	return EventSubject(cloud, operation, StateBatchLegs, key, attempt) + "." + strconv.Itoa(page)
}

// AnyEventSubject matches every event of one attempt, whatever its operation
// and state.
func AnyEventSubject(cloud, key string, attempt int) string {
	return strings.Join([]string{"ims.event", cloud, "*", "*", "*", key, strconv.Itoa(attempt)}, ".")
}

// AnyFinalSubject matches every final event of one attempt.
func AnyFinalSubject(cloud, operation, key string, attempt int) string {
	return strings.Join([]string{"ims.event", cloud, operation, "final", "*", key, strconv.Itoa(attempt)}, ".")
}
