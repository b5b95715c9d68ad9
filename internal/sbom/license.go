package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is a Go module in the module cache, or Go's own library.
type module struct {
	Path, Version, Dir string
	license            string
	texts              []string
}

const std = "std"

// listModules finds the modules of programs where the go command has put them to build the programs.
func listModules(all []*binary) (map[string]*module, error) {
	versions := map[string]string{}
	for _, b := range all {
		for _, m := range b.info.Deps {
			if m.Replace != nil {
				return nil, fmt.Errorf("%s: %s is replaced, by what sbom cannot name", b.name, m.Path)
			}
			versions[m.Path] = m.Version
		}
		versions[std] = b.info.GoVersion
		versions[b.info.Main.Path] = ""
	}
	args := []string{"list", "-m", "-json"}
	for path := range versions {
		if path != std {
			args = append(args, path)
		}
	}
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m: %w", err)
	}
	modules := make(map[string]*module)
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		m := &module{}
		if err := d.Decode(m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if m.Version != versions[m.Path] {
			return nil, fmt.Errorf("a program has %s %s, the source here %s: build it anew", m.Path, versions[m.Path], m.Version)
		}
		modules[m.Path] = m
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	modules[std] = &module{Path: std, Version: strings.TrimPrefix(versions[std], "go"), Dir: strings.TrimSpace(string(root))}
	for _, m := range modules {
		if err := m.read(); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
	}
	return modules, nil
}

// read reads the module's license.
func (m *module) read() error {
	if m.Dir == "" {
		return errors.New("it is not in the module cache: run go mod download")
	}
	for _, name := range []string{"LICENSE", "LICENSE.txt", "COPYING", "NOTICE"} {
		text, err := os.ReadFile(filepath.Join(m.Dir, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		if m.license == "" {
			if m.license, err = identify(string(text)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		m.texts = append(m.texts, string(text))
	}
	if m.license == "" {
		return fmt.Errorf("no license in %s", m.Dir)
	}
	return nil
}

// identify returns the SPDX expression for a license, of those that occur. A text with several is not known.
func identify(text string) (string, error) {
	text = strings.Join(strings.Fields(text), " ")
	var found []string
	for _, c := range []struct {
		id    string
		words []string
	}{
		{"Apache-2.0 WITH LLVM-exception", []string{"Apache License Version 2.0", "LLVM Exceptions to the Apache 2.0 License"}},
		{"Apache-2.0", []string{"Apache License Version 2.0"}},
		{"Apache-2.0", []string{"Licensed under the Apache License, Version 2.0"}},
		{"MIT", []string{"Permission is hereby granted, free of charge", `THE SOFTWARE IS PROVIDED "AS IS"`}},
		{"BSD-3-Clause", []string{"Redistribution and use in source and binary forms", "Neither the name of"}},
	} {
		if !slices.ContainsFunc(c.words, func(w string) bool { return !strings.Contains(text, w) }) {
			found = append(found, c.id)
		}
	}
	// The first is the whole of what begins with the same license.
	if len(found) == 0 || slices.ContainsFunc(found, func(id string) bool { return !strings.HasPrefix(found[0], id) }) {
		return "", fmt.Errorf("no license that is known here, or more than one: %q", found)
	}
	return found[0], nil
}

// apache is the Apache License 2.0, which Debian has once for all packages.
const apache = "/usr/share/common-licenses/Apache-2.0"

// refer replaces the terms of the Apache License in a text, where they are those in the file that Debian has, by the name of that: so Debian's
// policy (12.5) wants it.
func refer(text, common string) string {
	from := strings.Index(text, termsBegin)
	if from < 0 {
		return text
	}
	const space = " \t\r\n"
	rest := text[from:]
	for _, word := range strings.Fields(terms(common)) {
		var found bool
		if rest, found = strings.CutPrefix(strings.TrimLeft(rest, space), word); !found || rest != "" && !strings.ContainsAny(rest[:1], space) {
			return text
		}
	}
	return text[:from] + "The terms and conditions are those in " + apache + "." + rest
}

const termsBegin = "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION"

// terms are those in a text that is the whole of the Apache License, "" where it is not.
func terms(text string) string {
	_, after, _ := strings.Cut(text, termsBegin)
	all, _, found := strings.Cut(after, "END OF TERMS AND CONDITIONS")
	if !found {
		return ""
	}
	return termsBegin + all
}

// writeLicenses writes the texts of everything in the programs, each once; for a Debian package without what Debian has.
func writeLicenses(w io.Writer, all []*binary, modules map[string]*module, debian bool) error {
	edit := func(text string) string { return text }
	if debian {
		common, err := os.ReadFile(apache)
		if err != nil {
			return err
		}
		if terms(string(common)) == "" {
			return fmt.Errorf("%s has no terms of the Apache License", apache)
		}
		edit = func(text string) string { return refer(text, string(common)) }
	}
	own := modules[all[0].info.Main.Path]
	if _, err := fmt.Fprintf(w, "%s\n\n%s", own.Path, edit(strings.Join(own.texts, "\n"))); err != nil {
		return err
	}
	write := func(what, license, text string) error {
		_, err := fmt.Fprintf(w, "\n%s\n%s, which is part of the program: %s\n\n%s", strings.Repeat("-", 80), what, license, edit(text))
		return err
	}
	seen := map[string]bool{own.Path: true}
	for _, b := range all {
		paths := []string{std}
		for _, m := range b.info.Deps {
			paths = append(paths, m.Path)
		}
		for _, path := range paths {
			if m := modules[path]; !seen[path] {
				seen[path] = true
				if err := write(path+" "+m.Version, m.license, strings.Join(m.texts, "\n")); err != nil {
					return err
				}
			}
		}
		for _, l := range b.native {
			if seen[l.name] {
				continue
			}
			seen[l.name] = true
			text := "The license is that of " + l.module + ".\n"
			if l.copyright != "" {
				data, err := os.ReadFile(l.copyright)
				if err != nil {
					return err
				}
				text = string(data)
			}
			if err := write(l.name+" "+l.version, l.license, text); err != nil {
				return err
			}
		}
	}
	return nil
}
