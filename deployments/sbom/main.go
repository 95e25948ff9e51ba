// Command sbom prints what a Go binary is made of as a CycloneDX document: the binary itself, the modules that were linked
// into it, and the Go that did it, as the linker has noted them in the binary. Nothing is fetched, and the same binary
// always gives the same document.
//
// Which module needs which, and under what licence each stands, the linker does not note: who wants it asks go mod graph and
// the modules.
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("the name of one Go binary is wanted: sbom bin/imsworker")
	}
	info, err := buildinfo.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("read what the binary was built from: %w", err)
	}
	content, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document(info, content))
}
