// Package loader starts executables that bring their shared libraries along, and what loads them.
package loader

import "path/filepath"

// Name is the file name of the dynamic loader, in the directory of the libraries.
const Name = "ld.so"

// Command returns what to execute, with which arguments, for the executable at path to be called with args, of which the first is its name.
// libraries is the directory of its libraries, "" for an executable that is static.
func Command(path, libraries string, args ...string) (exe string, argv []string) {
	if libraries == "" {
		return path, args
	}
	return filepath.Join(libraries, Name), append([]string{Name, "--library-path", libraries, "--argv0", args[0], path}, args[1:]...)
}
