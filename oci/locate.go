package oci

import (
	"errors"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Locate finds the module of the bundle's container from the host, as the container will see it, and opens it for
// reading. It is LocateProcess of the spec's process.
func (b *Bundle) Locate() (module *os.File, path string, err error) {
	return b.LocateProcess(b.Spec.Process)
}

// LocateProcess finds the module of a process in the bundle's container from the host and opens it for reading; path is
// where the container has it.
func (b *Bundle) LocateProcess(p *specs.Process) (module *os.File, path string, err error) {
	return nil, "", errors.New("oci: locate: in the making")
}
