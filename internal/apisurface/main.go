// Command apisurface prints the exported surface of a module's public packages, one declaration a line, sorted, so that a
// change of it is a change of a committed file that someone has to look at (see make api):
//
//	apisurface [-o FILE] [DIR]
//
// Public is what is not internal, not a main package and not beneath a testdata or examples directory. A line that does
// not hold on every platform that the project builds for ends with the platforms on which it does.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
)

func main() {
	out := flag.String("o", "", "write to this file instead of standard output")
	flag.Parse()
	dir := "."
	if flag.NArg() > 0 {
		dir = flag.Arg(0)
	}
	if err := run(dir, *out); err != nil {
		fmt.Fprintln(os.Stderr, "apisurface:", err)
		os.Exit(1)
	}
}

func run(dir, out string) error {
	lines, err := surface(os.DirFS(dir))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, l := range lines {
		fmt.Fprintln(&b, l)
	}
	if out == "" {
		_, err = os.Stdout.Write(b.Bytes())
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o644)
}
