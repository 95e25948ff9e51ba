//go:build ignore

// Generate writes into asyncapi.yaml, between its marks, what follows from the
// schemas of the operations: a channel, an operation and a message of each, and
// the list of their names. Texts are those of the schemas.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	document = "asyncapi.yaml"
	suffix   = ".v1.json"
)

// operation is what the document says of one.
type operation struct {
	name, id       string // copy-image, copyImage
	title, summary string
}

func main() {
	log.SetFlags(0)
	operations, err := read()
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(document)
	if err != nil {
		log.Fatal(err)
	}
	out := string(text)
	for part, write := range map[string]func(int, operation) string{"channels": channel, "operations": receive, "names": listed, "messages": message} {
		if out, err = replace(out, part, write, operations); err != nil {
			log.Fatal(err)
		}
	}
	if err := os.WriteFile(document, []byte(out), 0o644); err != nil {
		log.Fatal(err)
	}
}

// read finds the operations by their schemas, in the order of their names.
func read() ([]operation, error) {
	files, err := filepath.Glob("*-*" + suffix) // the name of an operation has a hyphen; events and batches have none
	if err != nil {
		return nil, err
	}
	var all []operation
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var schema struct{ Title, Description string }
		if err := json.Unmarshal(text, &schema); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		name := strings.TrimSuffix(file, suffix)
		if schema.Title == "" || schema.Description == "" {
			return nil, fmt.Errorf("%s: title and description are needed", file)
		}
		first, _, _ := strings.Cut(schema.Description, ". ")
		all = append(all, operation{name: name, id: camel(name), title: strings.TrimPrefix(schema.Title, "Data of "), summary: strings.TrimSuffix(first, ".") + "."})
	}
	slices.SortFunc(all, func(a, b operation) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

func camel(name string) string {
	words := strings.Split(name, "-")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// replace writes a part of the document anew.
func replace(text, part string, write func(int, operation) string, all []operation) (string, error) {
	begin, end := "# "+part+" of the schemas: written by go generate\n", "# end of "+part+"\n"
	head, rest, found := strings.Cut(text, begin)
	_, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", fmt.Errorf("%s has no marks for %s", document, part)
	}
	margin := head[strings.LastIndex(head, "\n")+1:]
	var body strings.Builder
	for n, o := range all {
		body.WriteString(write(n, o))
	}
	return head + begin + body.String() + margin + end + tail, nil
}

// quoted is a text as YAML takes any.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func channel(n int, o operation) string {
	stream := "*requests"
	if n == 0 {
		stream = "&requests\n" +
			"      stream: IMS_REQUESTS\n" +
			"      retention: workqueue\n" +
			"      discard: new\n" +
			"      deduplication: by source and id, in the worker; Nats-Msg-Id is the id of plain JSON"
	}
	return "  " + o.id + "Requests:\n" +
		"    address: ims.request.{cloud}." + o.name + "\n" +
		"    description: " + quoted(o.summary) + "\n" +
		"    parameters:\n" +
		"      cloud:\n" +
		"        $ref: '#/components/parameters/cloud'\n" +
		"    messages:\n" +
		"      request:\n" +
		"        $ref: '#/components/messages/" + o.id + "Request'\n" +
		"    x-operation: " + o.name + "\n" +
		"    x-jetstream: " + stream + "\n\n"
}

func receive(_ int, o operation) string {
	return "  " + o.name + ":\n" +
		"    action: receive\n" +
		"    channel:\n" +
		"      $ref: '#/channels/" + o.id + "Requests'\n" +
		"    summary: " + quoted(o.summary) + "\n"
}

func listed(_ int, o operation) string { return "        - " + o.name + "\n" }

func message(_ int, o operation) string {
	return "    " + o.id + "Request:\n" +
		"      name: io.imsworker.request." + o.name + ".v1\n" +
		"      title: " + quoted(strings.ToUpper(o.title[:1])+o.title[1:]) + "\n" +
		"      summary: CloudEvents binary or structured, or plain JSON.\n" +
		"      contentType: application/json\n" +
		"      headers:\n" +
		"        $ref: '#/components/schemas/requestHeaders'\n" +
		"      payload:\n" +
		"        schemaFormat: application/schema+json;version=draft-2020-12\n" +
		"        schema:\n" +
		"          $ref: ./" + o.name + ".v1.json\n\n"
}
