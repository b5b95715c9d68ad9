//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/wasmoci/wasmoci/oci"
)

// Under SELinux a container's process gets at files with the container's label. The delegate gives it to what it makes; what this program
// makes for the runner gets it here. The runner itself and its libraries are everybody's, and keep theirs, as all programs of the host's.

const labelAttribute = "security.selinux"

// mountLabel is the label of a container's files, "" where there is none.
func mountLabel(spec *specs.Spec) string {
	if spec.Linux == nil {
		return ""
	}
	return spec.Linux.MountLabel
}

// sharedLabel is label for what other containers read, too: without the categories that tell them apart.
func sharedLabel(label string) string {
	parts := strings.SplitN(label, ":", 4) // user, role, type, level
	if len(parts) == 4 {
		if end := strings.IndexAny(parts[3], ":-"); end >= 0 {
			parts[3] = parts[3][:end]
		}
	}
	return strings.Join(parts, ":")
}

// labelTree gives the directory dir and all that is in it a label. Compiled code in there is one file for many containers.
func labelTree(dir, label string) error {
	if label == "" {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return labelled(label, path, unix.Lsetxattr(path, labelAttribute, []byte(sharedLabel(label)), 0))
	})
}

// labelFile gives an open file of one container's a label.
func labelFile(f *os.File, label string) error {
	if label == "" {
		return nil
	}
	return labelled(label, f.Name(), unix.Fsetxattr(int(f.Fd()), labelAttribute, []byte(label), 0))
}

// labelled says whether it matters that a label could not be given: not where the file system has one for all of its files, nor where the
// kernel looks at none.
func labelled(label, name string, err error) error {
	if err == nil || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if _, serr := os.Stat("/sys/fs/selinux/enforce"); serr != nil {
		return nil
	}
	return &oci.SpecError{Field: "linux.mountLabel", Value: label, Err: fmt.Errorf("cannot be given to %s, which the container's process needs: %w", name, err)}
}
