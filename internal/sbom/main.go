// Command sbom says what the programs of a release consist of: their Go modules, Go's own library, and the native libraries that are
// linked into them, each with its license. It reads the programs themselves and the module cache, and no network:
//
//	sbom -version V [-time SECONDS] BINARY...    a CycloneDX 1.5 document, as JSON
//	sbom -licenses [-debian] BINARY...           the texts of all licenses, for whoever passes the programs on; of Debian's packages
//
// A program that is not linked statically, a library of which nothing is known and a license that is not recognized are errors. Run it in
// the source's directory.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	version := flag.String("version", "", "the release's version")
	seconds := flag.Int64("time", 0, "when the release was made, in seconds since 1970")
	licenses := flag.Bool("licenses", false, "print the texts of the licenses instead")
	debian := flag.Bool("debian", false, "with -licenses: refer to the texts that every Debian system has")
	flag.Parse()
	if err := run(os.Stdout, *version, time.Unix(*seconds, 0).UTC(), *licenses, *debian, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, version string, made time.Time, licenses, debian bool, names []string) error {
	if len(names) == 0 {
		return errors.New("give the programs of a release")
	}
	var all []*binary
	for _, name := range names {
		b, err := readBinary(name)
		if err != nil {
			return err
		}
		all = append(all, b)
	}
	modules, err := listModules(all)
	if err != nil {
		return err
	}
	if licenses {
		return writeLicenses(w, all, modules, debian)
	}
	return writeDocument(w, version, made, all, modules)
}
