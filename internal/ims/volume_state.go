package ims

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// codeBadVolume is EVS's own code for a disk in the wrong state, among other
// things; only its words tell which.
const codeBadVolume = "EVS.5400"

// volumeStates is what it means that EVS refuses to work on a disk in that
// state. States that are missing pass by themselves.
var volumeStates = map[string]Meaning{
	"available":         {"", Refused, reasonConstraint, "the disk cannot be used like this", askDiskWords},
	VolumeInUse:         {"", Refused, reasonConstraint, "the disk is attached to a server", "Set force to true, or detach the disk; on Open Telekom Cloud stop the server first."},
	"deleting":          {"", Refused, reasonNotFound, "the disk is being deleted", askDisk},
	"error":             {"", Refused, reasonConstraint, "the disk is in the state error", askBrokenDisk},
	"error_deleting":    {"", Refused, reasonConstraint, "the disk could not be deleted", askBrokenDisk},
	"error_extending":   {"", Refused, reasonConstraint, "the disk could not be enlarged", askBrokenDisk},
	"error_restoring":   {"", Refused, reasonConstraint, "the disk could not be restored", askBrokenDisk},
	"error_rollbacking": {"", Refused, reasonConstraint, "the disk could not be rolled back", askBrokenDisk},
}

// busyVolume is the meaning of every other state.
var busyVolume = Meaning{"", Park, reasonConflict, "the disk is busy with other work", askWait}

// VolumeStateError is the error with which EVS refuses to make an image of a
// disk in that state, for those who have looked first.
func VolumeStateError(id, status string) *Error {
	return &Error{
		Call: "Volume", Code: codeBadVolume, state: strings.ToLower(status),
		Message: fmt.Sprintf("volume %s: current status is: %s", id, status),
	}
}

// stateWords is how EVS names the state that is in the way.
var stateWords = regexp.MustCompile(`(?i)current status is:?\s*'?([a-z_-]+)`)

// stateIn finds the state of a disk in EVS's refusal; conflict is what Cinder
// calls a state that it does not name.
func stateIn(status int, code, message string, conflict bool) string {
	stateful := status == http.StatusBadRequest || status == http.StatusConflict
	if !stateful || strings.Contains(code, ".") && code != codeBadVolume {
		return ""
	}
	if m := stateWords.FindStringSubmatch(message); m != nil {
		return strings.ToLower(m[1])
	}
	if conflict {
		return "not told"
	}
	return ""
}

// volumeState is the meaning of a refusal for the state of a disk.
func (e *Error) volumeState() (Meaning, bool) {
	if e.state == "" {
		return Meaning{}, false
	}
	m, told := volumeStates[e.state]
	if !told {
		m = busyVolume
	}
	m.Code = e.Code
	return m, true
}
