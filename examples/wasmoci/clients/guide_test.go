//go:build clients && linux

package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGuide runs the commands of a guide as they stand, in the project's directory, and compares what they print.
func TestGuide(t *testing.T) {
	if why, err := os.ReadFile(filepath.Join(os.Getenv(space), broken)); err == nil {
		t.Fatalf("%s", why)
	}
	t.Run("podman", func(t *testing.T) {
		follow(t, "podman.md", 8, "/usr/local/bin")
		run(t, "", "sh", "-c", "podman pod rm --all --force; podman rm --all --force --time 0; rm -f /etc/containers/containers.conf.d/wasmoci.conf")
		nothingLeft(t)
	})
	t.Run("containerd and kubernetes", func(t *testing.T) {
		images(t)
		write(t, "/etc/cni/net.d/10-pods.conflist", network)
		standIns := t.TempDir()
		script := strings.NewReplacer("$DIR", standIns, "$KUBELET", filepath.Join(os.Getenv(space), "kubelet")+" /run/containerd/containerd.sock")
		for name, text := range map[string]string{"systemctl": systemctl, "kubectl": kubectl, "machine": machine[2]} {
			write(t, filepath.Join(standIns, name), script.Replace(text))
			if err := os.Chmod(filepath.Join(standIns, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() {
			r := run(t, "", filepath.Join(standIns, "systemctl"), "stop", "containerd")
			if t.Failed() {
				t.Logf("%s, containerd says\n%s", r.stderr, readFile(filepath.Join(standIns, "log")))
			}
			run(t, "", "rm", "-f", "/usr/local/bin/crun")
			nothingLeft(t)
		})
		follow(t, "containerd.md", 7, standIns+":/usr/local/bin")
		importImages(t, "k8s.io", "pause")
		follow(t, "kubernetes.md", 2, standIns+":/usr/local/bin")
	})
}

// systemctl stands for that of a host with systemd: it restarts containerd, with the configuration that there is and what this machine
// wants beside it.
const systemctl = `#!/bin/sh
set -eu
[ "$2" = containerd ]
if [ -e $DIR/pid ]; then
	kill "$(cat $DIR/pid)"
	while kill -0 "$(cat $DIR/pid)" 2>/dev/null; do sleep 0.02; done
	rm $DIR/pid
fi
[ "$1" = restart ] || exit 0
cat /etc/containerd/config.toml $DIR/machine >$DIR/config.toml
containerd --config $DIR/config.toml >$DIR/log 2>&1 &
echo $! >$DIR/pid
until ctr version >/dev/null 2>&1; do
	kill -0 "$(cat $DIR/pid)"
	sleep 0.05
done
`

// kubectl stands for Kubernetes.
const kubectl = `#!/bin/sh
set -eu
verb=$1
shift
case $verb in
apply)
	shift
	printf '%s\n' "$@" | grep -v '^-f$' >$DIR/manifests
	exec $KUBELET apply $(cat $DIR/manifests) ;;
wait)
	until $KUBELET probe $(cat $DIR/manifests) | grep -q ' readiness 0$'; do sleep 0.05; done
	pod=${2#pod/}
	$KUBELET status $pod | while read -r container state; do
		until [ -n "$($KUBELET logs $pod $container)" ]; do sleep 0.05; done
	done ;;
logs) $KUBELET logs $1 $3 | cut -d ' ' -f 3- ;;
exec)
	pod=$1 container=$3
	shift 4
	exec $KUBELET exec $pod $container "$@" ;;
delete) exec $KUBELET delete $2 ;;
*) exit 1 ;;
esac
`

// follow runs a guide, which has at least some blocks of commands.
func follow(t *testing.T, name string, least int, path string) {
	t.Helper()
	guide := "../../../docs/" + name
	b, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	steps := blocks(string(b))
	if len(steps) < least {
		t.Fatalf("%s: %d blocks of commands", guide, len(steps))
	}
	dir := t.TempDir()
	var script strings.Builder
	script.WriteString("set -eu\n")
	for i, s := range steps { // one shell, as an operator has it
		fmt.Fprintf(&script, "{\n%s} >%s/%d 2>&1\n", s.commands, dir, i)
	}
	shell := exec.CommandContext(t.Context(), "sh", "-c", script.String())
	shell.Dir = "../../.."
	caches, err := exec.Command("go", "env", "GOMODCACHE", "GOCACHE").Output() // where nothing can be downloaded
	modules, builds, ok := strings.Cut(strings.TrimSpace(string(caches)), "\n")
	if err != nil || !ok {
		t.Fatalf("go env: %q, %v", caches, err)
	}
	shell.Env = append(os.Environ(), "HOME="+filepath.Join(os.Getenv(space), "memory", "home"), "PATH="+path+":"+os.Getenv("PATH"),
		"GOMODCACHE="+modules, "GOCACHE="+builds)
	failed := shell.Run()
	for i, s := range steps {
		got, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			break // not reached
		}
		if s.checked && string(got) != s.output {
			t.Errorf("%s\nprints\n%s\nand not\n%s", s.commands, got, s.output)
		} else if failed != nil && !s.checked {
			t.Logf("%s\nprints\n%s", s.commands, got)
		}
	}
	if failed != nil {
		t.Errorf("%s: %v", guide, failed)
	}
}

// step is a block of commands in a document, and what they print where the block after it says so.
type step struct {
	commands, output string
	checked          bool
}

func blocks(document string) (steps []step) {
	fence, text := "", strings.Builder{}
	for line := range strings.Lines(document) {
		switch {
		case fence == "" && strings.HasPrefix(line, "```"):
			fence = strings.TrimSpace(line)
			text.Reset()
		case fence == "":
		case strings.TrimSpace(line) != "```":
			text.WriteString(line)
		case fence == "```sh":
			steps, fence = append(steps, step{commands: text.String()}), ""
		default:
			if fence == "```text" && len(steps) > 0 {
				last := &steps[len(steps)-1]
				last.output, last.checked = text.String(), true
			}
			fence = ""
		}
	}
	return steps
}
