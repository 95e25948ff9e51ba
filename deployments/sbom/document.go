package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
)

// bom is the part of CycloneDX 1.6 that a Go binary can fill.
type bom struct {
	Schema       string      `json:"$schema"`
	Format       string      `json:"bomFormat"`
	SpecVersion  string      `json:"specVersion"`
	SerialNumber string      `json:"serialNumber"`
	Version      int         `json:"version"`
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
}

type metadata struct {
	Timestamp string    `json:"timestamp,omitempty"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Licenses   []licensed `json:"licenses,omitempty"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type licensed struct {
	License license `json:"license"`
}

type license struct {
	ID string `json:"id"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// document describes the binary of that content. Its serial number is made of the content.
func document(info *debug.BuildInfo, content []byte) bom {
	sum := sha256.Sum256(content)
	return bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		SerialNumber: "urn:uuid:" + uuid(sum[:]),
		Metadata:     metadata{Timestamp: setting(info, "vcs.time"), Component: binary(info, hex.EncodeToString(sum[:]))},
		Components:   components(info),
	}
}

// binary is the thing itself, with the settings it was built with.
func binary(info *debug.BuildInfo, sum string) component {
	version := strings.TrimSuffix(info.Main.Version, "(devel)") // what Go says outside of a clone
	ref := purl(info.Main.Path, version)
	c := component{
		Type: "application", Ref: ref, PURL: ref, Name: path.Base(info.Path), Version: version,
		Hashes: []hash{{"SHA-256", sum}}, Licenses: []licensed{{license{"Apache-2.0"}}},
	}
	for _, s := range info.Settings {
		c.Properties = append(c.Properties, property{"go:build:" + s.Key, s.Value})
	}
	return c
}

func components(info *debug.BuildInfo) []component {
	version := strings.TrimPrefix(info.GoVersion, "go")
	ref := purl("std", version)
	all := []component{{Type: "library", Ref: ref, PURL: ref, Name: "std", Version: version}}
	for _, m := range info.Deps {
		all = append(all, library(m))
	}
	return all
}

// library is a module as it was linked: where another one stands in for it, that one.
func library(m *debug.Module) component {
	m = cmp.Or(m.Replace, m)
	ref := purl(m.Path, m.Version)
	c := component{Type: "library", Ref: ref, PURL: ref, Name: m.Path, Version: m.Version}
	if m.Sum != "" {
		c.Properties = []property{{"go:sum", m.Sum}}
	}
	return c
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// purl is the package URL of a module; its form wants the path in lower case.
func purl(module, version string) string {
	name := "pkg:golang/" + strings.ToLower(module)
	if version == "" {
		return name
	}
	return name + "@" + strings.ReplaceAll(url.PathEscape(version), "+", "%2B")
}

// uuid makes an identifier of the form of version 8, whose bits are the maker's own, of 16 bytes or more.
func uuid(b []byte) string {
	u := [16]byte(b[:16])
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
