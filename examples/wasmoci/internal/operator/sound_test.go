//go:build linux

package operator

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSound: what others could have put there, or could change, is not executed.
func TestSound(t *testing.T) {
	for name, c := range map[string]struct {
		change func(dir, runner string) error
		want   string
	}{
		"as installed":            {func(string, string) error { return nil }, ""},
		"read-only":               {func(dir, runner string) error { return errors.Join(os.Chmod(runner, 0o555), os.Chmod(dir, 0o555)) }, ""},
		"a file for a group":      {func(_, runner string) error { return os.Chmod(runner, 0o775) }, "others may write to"},
		"a file for all":          {func(_, runner string) error { return os.Chmod(runner, 0o757) }, "(mode 0757): chmod go-w it"},
		"a directory for a group": {func(dir, _ string) error { return os.Chmod(dir, 0o770) }, "others may write to"},
		"a directory as /tmp":     {func(dir, _ string) error { return os.Chmod(dir, os.ModeSticky|0o777) }, "others may write to"},
		"another's file":          {func(_, runner string) error { return os.Chown(runner, 4242, -1) }, "runner-wazero belongs to user 4242: it has to be root's, or yours"},
		"another's directory":     {func(dir, _ string) error { return os.Chown(dir, 4242, -1) }, "belongs to user 4242"},
		"a link to another's":     {func(dir, runner string) error { return linked(dir, runner) }, "belongs to user 4242"},
		"none":                    {func(_, runner string) error { return os.Remove(runner) }, "no such file"},
		"none, in another's":      {func(dir, runner string) error { return errors.Join(os.Remove(runner), os.Chmod(dir, 0o777)) }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "runners")
			config := Config{Runners: dir}
			runner := config.Runner("wazero")
			err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(runner, nil, 0o755), os.Chmod(runner, 0o755), os.Chmod(dir, 0o755))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.change(dir, runner); errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
				return // only root gives files away
			} else if err != nil {
				t.Fatal(err)
			}
			defer os.Chmod(dir, 0o755) // for its removal
			err = config.Sound("wazero")
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if c.want == "no such file" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v is no fs.ErrNotExist", err)
			}
		})
	}
}

// linked makes a runner a link to a file of somebody else's.
func linked(dir, runner string) error {
	other := filepath.Join(dir, "other")
	return errors.Join(os.WriteFile(other, nil, 0o755), os.Chown(other, 4242, -1), os.Remove(runner), os.Symlink(other, runner))
}
