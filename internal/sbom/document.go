package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// The part of CycloneDX 1.5 that is written.
type (
	document struct {
		Schema       string        `json:"$schema"`
		Format       string        `json:"bomFormat"`
		SpecVersion  string        `json:"specVersion"`
		SerialNumber string        `json:"serialNumber"`
		Version      int           `json:"version"`
		Metadata     metadata      `json:"metadata"`
		Components   []component   `json:"components"`
		Dependencies []dependency  `json:"dependencies"`
		Compositions []composition `json:"compositions"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string         `json:"type"`
		Ref        string         `json:"bom-ref"`
		Supplier   *organization  `json:"supplier,omitempty"`
		Name       string         `json:"name"`
		Version    string         `json:"version,omitempty"`
		Hashes     []digest       `json:"hashes,omitempty"`
		Licenses   []licenseEntry `json:"licenses,omitempty"`
		PURL       string         `json:"purl,omitempty"`
		Properties []property     `json:"properties,omitempty"`
	}
	organization struct {
		Name string `json:"name"`
	}
	digest struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	licenseEntry struct {
		Expression string `json:"expression"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
	composition struct {
		Aggregate  string   `json:"aggregate"`
		Assemblies []string `json:"assemblies"`
	}
)

// writeDocument writes the document of a release. The same programs make the same document.
func writeDocument(w io.Writer, version string, made time.Time, all []*binary, modules map[string]*module) error {
	own := modules[all[0].info.Main.Path]
	root := component{
		Type: "application", Ref: own.Path, Name: "wasmoci", Version: version, Licenses: []licenseEntry{{own.license}},
		PURL: "pkg:golang/" + own.Path + "@" + version,
	}
	d := document{
		Schema: "http://cyclonedx.org/schema/bom-1.5.schema.json", Format: "CycloneDX", SpecVersion: "1.5", Version: 1,
		Metadata: metadata{made.Format(time.RFC3339), root},
	}
	serial := sha256.New()
	parts := make(map[string]component)
	top := dependency{Ref: root.Ref}
	var opaque []string
	for _, b := range all {
		program := component{
			Type: "application", Ref: b.name + "/linux/" + b.arch, Name: b.name, Version: version, Hashes: []digest{{"SHA-256", b.sha256}},
			Licenses: []licenseEntry{{own.license}},
			Properties: []property{
				{"go:version", b.info.GoVersion}, {"go:arch", b.arch}, {"go:tags", setting(b.info, "-tags")}, {"go:cgo", setting(b.info, "CGO_ENABLED")},
			},
		}
		fmt.Fprintln(serial, program.Ref, b.sha256)
		parts[program.Ref] = program
		top.DependsOn = append(top.DependsOn, program.Ref)
		needs := dependency{Ref: program.Ref}
		add := func(c component) {
			parts[c.Ref] = c
			needs.DependsOn = append(needs.DependsOn, c.Ref)
		}
		s := modules[std]
		add(component{
			Type: "library", Ref: "std", Supplier: &organization{"The Go Authors"}, Name: "std", Version: s.Version,
			Licenses: []licenseEntry{{s.license}}, PURL: "pkg:golang/std@" + s.Version,
		})
		for _, m := range b.info.Deps {
			add(component{
				Type: "library", Ref: m.Path, Name: m.Path, Version: m.Version, Licenses: []licenseEntry{{modules[m.Path].license}},
				PURL: "pkg:golang/" + m.Path + "@" + m.Version, Properties: []property{{"go:sum", m.Sum}},
			})
		}
		for _, l := range b.native {
			c := component{
				Type: "library", Ref: l.name, Supplier: &organization{l.supplier}, Name: l.name, Version: l.version, Licenses: []licenseEntry{{l.license}},
				PURL: l.purl + "@" + strings.ReplaceAll(l.version, "+", "%2B"), Properties: []property{{"linkage", "static"}},
			}
			if l.module != "" {
				c.Properties = append(c.Properties, property{"comes with", l.module})
			}
			if l.opaque {
				opaque = append(opaque, c.Ref)
			}
			add(c)
		}
		d.Dependencies = append(d.Dependencies, needs)
	}
	for _, c := range parts {
		d.Components = append(d.Components, c)
	}
	slices.SortFunc(d.Components, func(a, b component) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Ref, b.Ref))
	})
	d.Dependencies = append([]dependency{top}, d.Dependencies...)
	d.Compositions = []composition{{"complete", top.DependsOn}}
	if len(opaque) > 0 { // their own parts, such as Rust's crates, are known to who has made them
		slices.Sort(opaque)
		d.Compositions = append(d.Compositions, composition{"incomplete", slices.Compact(opaque)})
	}
	sum := serial.Sum(nil)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // a UUID of version 8
	d.SerialNumber = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(d)
}
