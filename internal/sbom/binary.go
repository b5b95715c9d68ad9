package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// binary is one program of a release.
type binary struct {
	name   string // base name
	arch   string
	sha256 string
	info   *debug.BuildInfo
	native []library
}

// readBinary reads what the Go linker and the C linker have left in a program.
func readBinary(name string) (*binary, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer file.Close()
	if slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return nil, fmt.Errorf("%s is not linked statically: it would not run in a container", name)
	}
	sum := sha256.Sum256(data)
	b := &binary{name: filepath.Base(name), arch: setting(info, "GOARCH"), sha256: hex.EncodeToString(sum[:]), info: info}
	b.native, err = natives(b, data, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// library is a native one that is part of a program.
type library struct {
	name, version string
	license       string // an SPDX expression
	supplier      string
	purl          string // without the version
	module        string // the Go module that it comes with; "" where it comes with the system
	copyright     string // file with the license's text on the system; "" where it is the module's
	opaque        bool   // it consists of parts that nobody has listed
}

// byTag are the libraries of a native engine, by its build tag. The version of those that come with a Go module is the module's.
var byTag = map[string][]library{
	"wasmtime": {{
		name: "libwasmtime", license: "Apache-2.0 WITH LLVM-exception", supplier: "Bytecode Alliance", purl: "pkg:cargo/wasmtime",
		module: "github.com/bytecodealliance/wasmtime-go/v44", opaque: true,
	}},
	"apart":    nil,
	"netgo":    nil,
	"osusergo": nil,
}

var (
	libcVersion = regexp.MustCompile(`GNU C Library \(Debian GLIBC ([^)]*)\)`)
	gccVersion  = regexp.MustCompile(`GCC: \(Debian ([^)]*)\)`)
)

// natives finds the libraries of b: an engine's by the tags that it was built with, and the C library and the compiler's own by what
// they write into a program.
func natives(b *binary, data []byte, file *elf.File) (all []library, err error) {
	for tag := range strings.SplitSeq(setting(b.info, "-tags"), ",") {
		libs, known := byTag[tag]
		if !known && tag != "" {
			return nil, fmt.Errorf("it was built with the tag %q, and sbom does not know what that links: say so in byTag", tag)
		}
		for _, l := range libs {
			for _, m := range b.info.Deps {
				if m.Path == l.module {
					l.version = strings.TrimPrefix(m.Version, "v")
				}
			}
			if l.version == "" {
				return nil, fmt.Errorf("it was built with the tag %q, and without the module %q", tag, l.module)
			}
			all = append(all, l)
		}
	}
	if setting(b.info, "CGO_ENABLED") != "1" {
		return all, nil
	}
	libc := libcVersion.FindSubmatch(data)
	var gcc [][]byte
	if comment := file.Section(".comment"); comment != nil {
		text, err := comment.Data()
		if err != nil {
			return nil, err
		}
		gcc = gccVersion.FindSubmatch(text)
	}
	if libc == nil || gcc == nil {
		return nil, fmt.Errorf("it is linked with a C library, of which the version (%q), or that of its compiler (%q), cannot be told: sbom knows Debian's", libc, gcc)
	}
	major, _, _ := strings.Cut(string(gcc[1]), ".")
	return append(all,
		library{
			name: "glibc", version: string(libc[1]), license: "LGPL-2.1-or-later", supplier: "GNU Project", purl: "pkg:deb/debian/libc6-dev",
			copyright: "/usr/share/doc/libc6-dev/copyright",
		},
		library{
			name: "libgcc", version: string(gcc[1]), license: "GPL-3.0-or-later WITH GCC-exception-3.1", supplier: "GNU Project", purl: "pkg:deb/debian/libgcc-" + major + "-dev",
			copyright: "/usr/share/doc/gcc-" + major + "-base/copyright",
		},
	), nil
}
