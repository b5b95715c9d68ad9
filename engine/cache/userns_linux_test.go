package cache

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// tried is set for the process that TestUserNamespace starts in a user namespace, to the directory that it opens.
const tried = "WASMOCI_TEST_TRIED"

// TestUserNamespace: where users outside cannot be told from each other, a cache is in the home directory.
func TestUserNamespace(t *testing.T) {
	if dir := os.Getenv(tried); dir != "" {
		d, err := Open(dir)
		if err == nil {
			err = d.Close()
		}
		fmt.Println("opened:", err)
		return
	}
	// Whose namespace it is, and two others: one who has a number there, that of nobody, and one who has none. Only root can make files theirs.
	user, nobodys, stranger := os.Geteuid(), 165533, 54321
	users := []syscall.SysProcIDMap{{ContainerID: 0, HostID: user, Size: 1}}
	if user == 0 {
		user = 12345
		users = []syscall.SysProcIDMap{{ContainerID: 0, HostID: user, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65536}}
	}
	cases := []struct {
		name  string
		owner int    // of the directory above the cache; the user's where 0
		home  string // in the test's directory, unless it is absolute; "" is none
		users []syscall.SysProcIDMap
		says  string // "" where it is trusted
	}{
		{"in the home directory", 0, "above", users, ""},
		{"the home directory", 0, "above/cache", users, ""},
		{"outside the home directory", 0, "/usr/bin", users, "cannot be told"},
		{"without a home directory", 0, "", users, "cannot be told"},
		{"by a user without a number", 0, "above", nil, ""},
	}
	if os.Geteuid() == 0 {
		cases = append(cases[:len(cases):len(cases)], []struct {
			name  string
			owner int
			home  string
			users []syscall.SysProcIDMap
			says  string
		}{
			{"of a stranger's", stranger, "elsewhere", users, "cannot be told"},
			{"of a stranger's, as the home directory", stranger, "above", users, "above cannot hold"},
			{"of nobody's, who is a container's user", nobodys, "above/cache", users, "above cannot hold"},
			{"of a container's user", 100032, "above/cache", users, "belongs to user 33"},
			{"of a stranger's, who looks like this user", stranger, "elsewhere", nil, "cannot be told"},
		}...)
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			base := t.TempDir()
			above := filepath.Join(base, "above")
			dir := filepath.Join(above, "cache")
			if err := errors.Join(os.MkdirAll(dir, 0o700), os.Mkdir(filepath.Join(base, "elsewhere"), 0o700)); err != nil {
				t.Fatal(err)
			}
			if os.Geteuid() == 0 {
				user := user
				if tt.users == nil { // nobody can become somebody else there
					user = 0
				}
				owner := cmp.Or(tt.owner, user)
				err := errors.Join(os.Chmod(filepath.Dir(base), 0o755), os.Chmod(above, 0o755), os.Chown(above, owner, owner), os.Chown(dir, user, user))
				if err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestUserNamespace$")
			cmd.Dir = "/"
			cmd.Env = []string{tried + "=" + dir}
			if tt.home != "" {
				cmd.Env = append(cmd.Env, "HOME="+filepath.Join(base, tt.home))
				if filepath.IsAbs(tt.home) {
					cmd.Env[1] = "HOME=" + tt.home
				}
			}
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: tt.users, GidMappings: tt.users}
			if tt.users != nil {
				cmd.SysProcAttr.Credential = &syscall.Credential{NoSetGroups: true}
			}
			out, err := cmd.CombinedOutput()
			opened, _, _ := strings.Cut(string(out), "\n")
			if err != nil || strings.HasSuffix(opened, "<nil>") != (tt.says == "") || !strings.Contains(opened, tt.says) {
				t.Errorf("%v, %s; want %q", err, out, tt.says)
			}
		})
	}
}
