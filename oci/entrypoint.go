package oci

import "strings"

// ParseEntrypoint splits a container's args[0] at its first '#' into the module's path and the name of the exported
// function to call: "app.wasm#serve" is ("app.wasm", "serve"). Without '#', or with nothing after it, fn is "": the
// entrypoint of the module's own kind.
//
// Names of exports may contain '#', paths may not: "a#b#c" is ("a", "b#c"), as exports of components are called
// "wasi:cli/run@0.2.0#run". A file whose name contains '#' therefore cannot be named by args[0]; link or rename it.
// "#f" is ("", "f"); [FromSpec] refuses it, as it names no module.
func ParseEntrypoint(arg0 string) (path, fn string) {
	path, fn, _ = strings.Cut(arg0, "#")
	return path, fn
}
