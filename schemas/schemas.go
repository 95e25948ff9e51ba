// Package schemas holds the machine-readable contract: a JSON Schema
// (2020-12) for the data of each operation and of events, and the AsyncAPI
// document that describes the channels.
//
// The files are embedded as they are. They are the source of what a request
// may contain; judging requests by them is left to package handlers.
package schemas

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:generate go run generate.go

//go:embed *.v1.json asyncapi.yaml
var files embed.FS

// Base is the address under which the schemas have their $id.
const Base = "https://imsworker.io/schemas/"

const (
	suffix     = ".v1.json"
	eventName  = "event"
	backupName = "backup"
	batchName  = "batch"
)

// Operation returns the schema of the data of an operation's requests, and
// false for an operation that has none.
func Operation(operation string) ([]byte, bool) {
	if operation == eventName || operation == backupName || operation == batchName {
		return nil, false
	}
	text, err := files.ReadFile(operation + suffix)
	return text, err == nil
}

// Event returns the schema of the data of events.
func Event() []byte { return read(eventName + suffix) }

// Backup returns the schema of the data of backup notices.
func Backup() []byte { return read(backupName + suffix) }

// Batch returns the schema of the data of a bulk's own events.
func Batch() []byte { return read(batchName + suffix) }

// AsyncAPI returns the AsyncAPI document, in YAML.
func AsyncAPI() []byte { return read("asyncapi.yaml") }

// Names returns the operations that have a schema, sorted.
func Names() []string {
	// The pattern is fixed and right, so Glob cannot return an error.
	found, _ := fs.Glob(files, "*"+suffix)
	var names []string
	for _, file := range found {
		if name := strings.TrimSuffix(file, suffix); name != eventName && name != backupName && name != batchName {
			names = append(names, name)
		}
	}
	slices.Sort(names) // the endings of the files' names sort otherwise
	return names
}

// read returns a file that the embed pattern guarantees.
func read(name string) []byte {
	text, err := files.ReadFile(name)
	if err != nil {
		panic("schemas: " + err.Error())
	}
	return text
}
