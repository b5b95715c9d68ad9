//go:build linux

package main

import (
	"errors"
	"io/fs"
	"testing"
)

func TestSharedLabel(t *testing.T) {
	for label, want := range map[string]string{
		"system_u:object_r:container_file_t:s0:c1,c2":    "system_u:object_r:container_file_t:s0",
		"system_u:object_r:container_file_t:s0":          "system_u:object_r:container_file_t:s0",
		"system_u:object_r:container_file_t:s0-s0:c1.c9": "system_u:object_r:container_file_t:s0",
		"user:role:type": "user:role:type",
	} {
		if got := sharedLabel(label); got != want {
			t.Errorf("%s: %s, want %s", label, got, want)
		}
	}
}

// TestLabelTreeMissing: what should have a label and is not there is an error.
func TestLabelTreeMissing(t *testing.T) {
	if err := labelTree(t.TempDir()+"/none", "a:b:c:s0"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := labelTree(t.TempDir()+"/none", ""); err != nil {
		t.Error(err)
	}
}
